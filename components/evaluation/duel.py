"""The page of a challenge."""

from html import escape

from components.contracts.results import ChallengeDecision, ChallengeReport, Contender, Gain
from components.evaluation import plots
from components.figures.page import note, page, pictures, table, verdict


def render_challenge(report: ChallengeReport) -> str:
    """Who challenged whom, on which rows, with what result."""
    said = "won" if report.won else "lost" if report.comparable else "did not win"
    parts = [
        f"<h1>{escape(report.scenario)}: challenge</h1>",
        f'<p class="lead">{escape(_sentence(report.why))}</p>',
        verdict(_verdict(report, said), good=report.won),
        _contenders(report),
    ]
    if report.decision is not None:
        parts += _evidence(report.decision, report.left_out)
    return page(f"{report.scenario}: challenge {said}", parts)


def _verdict(report: ChallengeReport, said: str) -> str:
    alone = report.won and report.decision is None
    return "No comparison was needed" if alone else f"The challenger {said}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _contenders(report: ChallengeReport) -> str:
    def row(role: str, one: Contender) -> tuple[object, ...]:
        return role, one.family, one.bundle[:12], one.approve_below

    rows = [row("challenger", report.challenger)]
    if report.champion is not None:
        rows.append(row("champion", report.champion))
    return table(("", "Family", "Bundle as judged", "Approves below"), rows, numbers=(3,))


def _evidence(found: ChallengeDecision, left_out: int | None) -> list[str]:
    lines = [_line("AUC", found.auc, 4, worse=not found.auc.low > 0)]
    drawn = [plots.gain(found.auc, title="AUC", unit="challenger less champion")]
    if found.profit is not None:
        lines.append(_line("Profit per applicant", found.profit, 2, worse=found.profit.high < 0))
        drawn.append(
            plots.gain(found.profit, title="Profit per applicant", unit="challenger less champion")
        )
    return [
        "<h2>On the same rows</h2>",
        f"<p>{found.rows:,} frozen rows, {found.bad:,} of them bad. {_left_out(left_out)}</p>",
        table(
            ("Figure", "Champion", "Challenger", "Gain", "From", "To", "Verdict"),
            lines,
            numbers=range(1, 6),
            failed=[number for number, line in enumerate(lines) if line[-1] != "held"],
        ),
        note(
            f"From and to are the {found.level:g} and {1 - found.level:g} quantiles of "
            f"{found.resamples:,} paired resamples. The AUC's gain must be above 0 from end to "
            "end; the profit's must not be below 0 from end to end."
        ),
        pictures(*drawn),
        "<h2>Segments</h2>",
        *_segments(found),
    ]


def _left_out(rows: int | None) -> str:
    if rows is None:
        return "It cannot be known whether the champion was fitted on some of them."
    if not rows:
        return "The champion was fitted on none of them."
    return f"{rows:,} more were left out: the champion was fitted on them."


def _line(name: str, gain: Gain, digits: int, *, worse: bool) -> tuple[str, ...]:
    figures = (gain.champion, gain.challenger)
    gains = (gain.gain, gain.low, gain.high)
    return (
        name,
        *(f"{value:,.{digits}f}" for value in figures),
        *(f"{value:+,.{digits}f}" for value in gains),
        "failed" if worse else "held",
    )


def _segments(found: ChallengeDecision) -> list[str]:
    if not found.segments:
        return ["<p>No segments are declared.</p>"]
    rows = [
        (
            f"{s.column}: {s.value}", s.rows, s.bad, s.champion, s.challenger,
            *("-" if v is None else f"{v:+.4f}" for v in (s.gain, s.low, s.high)),
            "worse" if s.worse else "held" if s.judged else "too few rows to judge",
        )
        for s in found.segments
    ]  # fmt: skip
    heads = (
        "Segment", "Rows", "Bad", "Champion's AUC", "Challenger's", "Gain", "From", "To", "Verdict",
    )  # fmt: skip
    failed = [number for number, s in enumerate(found.segments) if s.worse]
    soft = [number for number, s in enumerate(found.segments) if not s.judged]
    return [
        table(heads, rows, numbers=range(1, 8), failed=failed, soft=soft),
        note(
            f"Each at a level of {found.segment_level:.2g}, the rule's shared out among the "
            f"segments that are judged, in {found.segment_resamples:,} resamples. A segment is "
            "worse where its gain is below 0 from end to end."
        ),
    ]
