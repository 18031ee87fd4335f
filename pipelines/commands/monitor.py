"""`vintage monitor`: what was decided in a month, and what is known at its end of all before."""

import argparse
import sys
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError

if TYPE_CHECKING:
    from components.contracts.drift import Drift, Evidence, Verdict
    from components.contracts.monitoring import Gathered, Watched
    from components.contracts.vintages import Curve, RollRates, Vintage

HELP = "report on a month's decisions, and on what is known at its end of all before"
EXAMPLE = "vintage monitor loan-default --as-of 2024-08"
_MOST = 5  # alarms, or months, that are spelled out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument("--as-of", required=True, metavar="MONTH", help="a month that is over")
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")


def main(args: argparse.Namespace) -> int:
    from components.evaluation.step import read_summary
    from components.monitoring.step import read_report
    from pipelines.local import as_typed, new_run, run_locally
    from pipelines.monitoring import monitoring_pipeline
    from pipelines.scenarios import load

    scenario, run = load(args.scenario), new_run()
    done = run_locally(monitoring_pipeline(scenario), run=run, month=args.as_of)
    found, summary = read_report(scenario.name, args.as_of) if done else None, read_summary(run)
    if found is None or summary is None:
        raise VintageError(summary.error if summary else f"{scenario.name}: the run left nothing")
    lines = [*_page(found), f"report    {as_typed(summary.report)}"]
    text = found.model_dump_json(indent=1) if args.json else "\n".join(lines)
    sys.stdout.write(text + "\n")
    return 0


def _page(found: "Watched") -> list[str]:
    matched = found.matched
    said = "ALARM" if found.alarmed else "no alarm"
    if lower := [one.month for one in found.against if one.verdict == "lower"][-_MOST:]:
        said += f"; AUC lower than training's in {', '.join(dict.fromkeys(lower))}"
    lines = [
        f"{found.scenario} as of {found.as_of}: {said}",
        f"outcomes  {matched.joined:,} of decisions up to then are known, {matched.waiting:,} not "
        f"yet; {matched.strange:,} of no decision, {matched.conflicting:,} said two ways",
    ]
    lines += [line for one in found.gathered for line in _log(one)][-_MOST:]
    for release, drift in found.drift.items():
        lines += [f"release   {release[:12]}", _drift(drift), _evidence(found.evidence[release])]
        lines += _raised(found.verdicts[release])
    if not found.drift:
        lines.append("decisions none in this month")
    lines += [_vintage(one) for one in found.vintages]
    lines += [
        f"training  {one.month} by {one.release[:12]}: {one.why}"
        for one in found.against
        if one.auc.found
    ]
    lines += [_curve(one) for one in found.curves]
    return lines if found.roll_rates is None else [*lines, *_rolled(found.roll_rates)]


def _log(found: "Gathered") -> list[str]:
    """What was wrong with a month of the decision log, in a line; none where nothing was."""
    from components.monitoring.words import troubles

    named = [f"{name.lower()} {one.count:,}" for name, one in troubles(found).items() if one.count]
    return [f"log       {found.month}: {', '.join(named)}"] if named else []


def _drift(found: "Drift") -> str:
    approval, score = found.approval, found.score
    share = "-" if approval.share is None else f"{approval.share:.1%}"
    psi = "-" if score.psi is None else f"{score.psi:.4f}"
    return f"decisions {found.rows:,}, {share} approved; PSI of the score {psi}, {score.word}"


def _evidence(found: "Evidence") -> str:
    (before, of), (now, rows) = found.reference, found.month
    if not found.flags:
        return f"Evidently was not asked: {found.omitted[0].why}"
    return (
        f"Evidently {len(found.flags)} columns of {now:,} of {rows:,} rows, beside {before:,} of "
        f"{of:,}; {len(found.omitted)} left out"
    )


def _raised(found: "Verdict") -> list[str]:
    lines = [
        f"alarm     {one.name} ({', '.join(one.by)}): {'; '.join(one.why)}"
        for one in found.raised[:_MOST]
    ]
    if more := found.raised[_MOST:]:
        lines.append(f"alarm     and {len(more)} more")
    return lines


def _curve(found: "Curve") -> str:
    share, months = found.bad[-1] / found.rows, len(found.bad) - 1
    return (
        f"lent      {found.month}: {found.rows:,}, {share:.1%} of them gone bad after {months} "
        f"month{'' if months == 1 else 's'}"
    )


def _rolled(found: "RollRates") -> list[str]:
    """Of each state how many were better off a month later, and worse."""
    lines = []
    for place, (state, row) in enumerate(zip(found.states, found.counts, strict=True)):
        if rows := sum(row):
            better, worse = sum(row[:place]) / rows, sum(row[place + 1 :]) / rows
            lines.append(
                f"past due  {state} days: {rows:,}, a month later {better:.1%} fewer, "
                f"{worse:.1%} more; {found.left[place]:,} left"
            )
    return lines


def _vintage(found: "Vintage") -> str:
    auc = found.figures["auc"]
    told = (
        f"AUC {auc.found.value:.4f} ({auc.found.low:.4f} to {auc.found.high:.4f})"
        if auc.found
        else f"AUC {auc.why}"
    )
    expected = found.estimate.bad_rate.found
    rate = "" if expected is None else f"; expected bad rate {expected.value:.1%}"
    return (
        f"vintage   {found.month} by {found.release[:12]}: {found.decisions:,} decisions, "
        f"{found.known:,} known, {found.bad:,} bad; {told}{rate}"
    )
