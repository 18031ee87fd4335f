"""`vintage run`: train a scenario on this machine, from its files to a deployed champion."""

import argparse
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components.contracts.errors import VintageError

if TYPE_CHECKING:
    from components.contracts.runs import RunSummary
    from components.contracts.scenario import Scenario

HELP = "train a scenario here, from its files to a deployed champion"
EXAMPLE = "vintage run card-default --data my-files/"
_PIPELINES = ("training", "challenge", "release")
_POLL_S = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help="one of: vintage scenarios")
    parser.add_argument(
        "--data", metavar="DIR", help="the folder with the source files (default: sample data)"
    )
    parser.add_argument(
        "--as-of",
        metavar="DAY",
        help="train on what was known then: 2024-08, 2024-08-15 or 'last month' (default: on all "
        "there is)",
    )
    parser.add_argument(
        "--pipeline",
        choices=(*_PIPELINES, "exploration", "scoring", "monthly"),
        help="one only: train and register, challenge the champion with the release that was "
        "registered last, promote and deploy that (default: these, one after the other), a page "
        "about the data, decide on the month's rows with the champion, or live through a month "
        "that is over: train if due, decide, monitor, promote the winner",
    )
    parser.add_argument(
        "--why",
        metavar="TEXT",
        help="for the promotions table; with --pipeline release, it also decides for a release "
        "that cannot be compared with the champion",
    )


def main(args: argparse.Namespace) -> int:
    from pipelines.local import home, new_run
    from pipelines.sample_data import data_for
    from pipelines.scenarios import load

    scenario = load(args.scenario)
    kinds = (args.pipeline,) if args.pipeline else _PIPELINES
    if args.data is not None and not args.data:
        raise VintageError("--data: expected a folder, found an empty word")
    reads = kinds[0] not in {"challenge", "release"}
    for option, text in (("--data", args.data), ("--as-of", args.as_of)):
        if text and not reads:
            raise VintageError(
                f"{option}: expected with training or exploration, found --pipeline {kinds[0]}"
            )
    if args.as_of is not None and not args.as_of:
        raise VintageError("--as-of: expected a month or a day, found an empty word")
    if args.why is not None and not args.why.strip():
        raise VintageError("--why: expected a reason in words, found an empty word")
    if args.why and args.pipeline != "release":
        found = f"--pipeline {args.pipeline}" if args.pipeline else "all three pipelines"
        raise VintageError(f"--why: expected with --pipeline release only, found {found}")
    folder = home()
    from components.deployment.step import deployed, log_of
    from components.evaluation.step import read_records, read_summary

    run = new_run()
    read_records(run)  # a store that cannot be used is said before anything is begun
    if args.pipeline == "scoring":
        deployed(scenario.name)  # and so it is where nobody could decide
    data = ""
    if reads:
        data = data_for(scenario.name, folder, args.data)
    sys.stdout.write(f"{scenario.name}: run {run} {f'on {data}' if data else kinds[0]}\n")
    with _Progress(run, sys.stdout):
        given = {"data": data, "as_of": args.as_of, "why": args.why}
        _run(scenario, kinds, run, {name: text for name, text in given.items() if text})
    summary = read_summary(run)
    if summary is None:
        raise VintageError(f"{scenario.name}: the run left no summary; its log: {log_of(run)}")
    _print_summary(summary, _example(run))
    return 1 if summary.status in {"refused", "failed"} else 0


def _run(scenario: "Scenario", kinds: tuple[str, ...], run: str, arguments: dict[str, str]) -> None:
    """Run pipelines one after the other, until one fails or the champion stands."""
    from components.evaluation.step import read_records
    from pipelines.kinds import make
    from pipelines.local import run_locally

    for kind in kinds:
        if not run_locally(make(scenario, kind), run=run, **arguments):
            return
        facts = {str(r["stage"]): r["facts"] for r in read_records(run)}
        if facts.get("challenge", {}).get("passed") is False:
            return
        if facts.get("features", {}).get("ready") is False:  # too little history: nothing to go on
            return
        arguments = {"release": facts.get("register", {}).get("release", "")}


def _example(run: str) -> str:
    """Somebody whom a look-up would find."""
    from components.evaluation.step import read_records

    facts = [record["facts"] for record in read_records(run)]
    return next((str(found["example"]) for found in facts if found.get("example")), "17")


class _Progress:
    """Prints each stage as it starts, and its duration as it ends, from the run's own records.

    On a terminal it also says how far the stage is.
    """

    def __init__(self, run: str, stream: TextIO) -> None:
        self._run, self._stream = run, stream
        self._open: str | None = None
        self._shown = ""  # how far the open stage is, as the terminal shows it
        self._closed: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_POLL_S):
            self._look()
        self._look()
        if self._open:
            self._stream.write("\n")

    def _look(self) -> None:
        from components.evaluation.step import read_records

        try:
            records = read_records(self._run)
        except (VintageError, OSError):
            return  # the store is away for a moment, or for good: the tasks say so themselves
        for record in records:
            stage = str(record["stage"])
            if stage in self._closed:
                continue
            if self._open != stage:
                self._stream.write(f"  {stage:<12}")
                self._open = stage
            again = f"\r  {stage:<12}\x1b[K"  # the line from its beginning
            if record["status"] != "running" and not self._will_retry(record):
                word = {"failed": "  failed"}.get(str(record["status"]), "")
                word = "  reused" if record["reused"] else word
                self._stream.write(again if self._shown else "")
                self._stream.write(f"{record['seconds']:7.1f} s{word}\n")
                self._closed.add(stage)
                self._open, self._shown = None, ""
            elif record["progress"] != self._shown and self._stream.isatty():
                self._shown = str(record["progress"])
                self._stream.write(again + self._shown)
            self._stream.flush()

    def _will_retry(self, record: dict[str, Any]) -> bool:
        # A failure that may pass is tried again; what it comes to shows at the end.
        return record["status"] == "failed" and not record["final"] and not self._stop.is_set()


def _print_summary(summary: "RunSummary", example: str) -> None:
    from pipelines.local import as_typed

    lines: list[tuple[str, str]] = [("status", summary.status)]
    if summary.champion:
        lines.append(("champion", f"number {summary.champion}, release {summary.release[:12]}"))
    elif summary.release:
        lines.append(("release", f"{summary.release[:12]}, registered and not promoted"))
    if summary.due:
        lines.append(("training", summary.due))
    if summary.skipped:
        lines.append(("skipped", summary.skipped))
    if summary.decided:
        lines.append(("decided", summary.decided))
    if summary.challenge:
        lines.append(("challenge", summary.challenge))
    lines += [("rows" if not n else "", r.sentence()) for n, r in enumerate(summary.rows)]
    if summary.metrics:
        shown = ("auc", "ks", "accuracy", "ece")
        lines.append(("test rows", ", ".join(f"{m} {summary.metrics[m]:.4f}" for m in shown)))
    lines += [("gate" if not n else "", r.sentence()) for n, r in enumerate(summary.gate)]
    lines += [
        ("took", f"{sum(stage.seconds for stage in summary.stages):.1f} s"),
        ("report", as_typed(summary.report)),
        ("summary", as_typed(summary.report.replace("report.html", "summary.json"))),
        ("log", as_typed(summary.log)),
    ]
    if summary.status == "deployed":
        program = _program()
        lines += [
            ("next", f"{program} serve {summary.scenario}"),
            ("", f"{program} score {summary.scenario} --id {example}"),
        ]
    sys.stdout.write("\n" + "".join(f"  {head:<12}{text}\n" for head, text in lines))
    if summary.error:
        sys.stdout.flush()
        sys.stderr.write(f"\nvintage: {summary.error}\n")


def _program() -> str:
    """The command as the user would type it again."""
    from pipelines.local import as_typed

    called = Path(sys.argv[0])
    home = os.path.relpath(os.environ["VINTAGE_HOME"])
    prefix = "" if home == ".vintage" else f"VINTAGE_HOME={home} "
    return prefix + ("vintage" if called.name != "vintage" else as_typed(str(called)))
