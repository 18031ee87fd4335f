"""The steps of monitoring: read, call, write."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from components.contracts.errors import VintageError
from components.storage import registry
from components.storage.keys import file_digest
from components.storage.objects import Entry, Store, published
from components.storage.steps import Artifact, Task, hand_over, installation, task

if TYPE_CHECKING:
    from components.contracts.monitoring import Watched
    from components.monitoring.gauges import Standing
    from components.monitoring.report import Known

    #: Reads the reports of the months before, the earliest first.
    Earlier = Callable[[], list[Watched]]

MONTH = re.compile("[1-9][0-9]{3}-(0[1-9]|1[0-2])")
_SHA256 = "[0-9a-f]{64}"
_LIBRARIES = ("duckdb", "numpy", "pyarrow", "scikit-learn")
_MEMORY_GB, _THREADS = 2.0, 2
REPORT, PAGE = "report.json", "monitoring.html"


def deliver(scenario: str, files: Sequence[Path]) -> tuple[int, bool]:
    """Take in outcomes as a lender has them; how many they are, and whether they are new: the same
    files again are one.
    """
    from components.monitoring.outcomes import read_outcomes

    _, store = installation()
    content = "-".join(sorted(file_digest(file) for file in files))
    key = f"{scenario}/outcomes/{hashlib.sha256(content.encode()).hexdigest()}"
    if (entry := store.find(key)) is not None:
        return int(str(entry.facts["rows"])), False
    folder = store.scratch()
    rows = read_outcomes(files, folder / "outcomes.parquet")
    store.publish(key, folder, {"rows": rows})
    return rows, True


def monitor(*, spec: str, run: str, timeout_minutes: float, month: str, report: Artifact) -> bool:
    """Report on a month that is over: what was decided in it, and what is known of all before.

    1. A month's report is made once, and stands: what comes later is in the next one.
    2. Take the decisions of every month from the log, and from batches; join them with outcomes.
    3. Publish the report and hand it over; tell other systems of it; say whether it alarms.
    """
    scenario = json.loads(spec)["scenario"]
    with task("monitor", scenario=scenario, run=run, timeout_minutes=timeout_minutes) as work:
        expect_over(month)
        earlier = cache(lambda: _earlier(work.store, scenario, month))
        made = work.find_or_make(
            f"{scenario}/monitored/{month}",
            lambda target: _report(work, spec, month, earlier, target),
        )
        work.record.facts = {**made.facts, "entry": made.key}
        hand_over(made, report)
        _tell(work, spec, _read(work.store, made), earlier, made)
    return bool(made.facts["alarmed"])


def expect_over(month: str) -> None:
    if not MONTH.fullmatch(month):
        raise VintageError(f"month {month!r:.20}: expected one such as 2024-08")
    if month >= datetime.now(UTC).date().isoformat()[:7]:
        raise VintageError(f"month {month}: expected one that is over")


def _report(
    work: Task, spec: str, month: str, earlier: "Earlier", target: Path
) -> Mapping[str, object]:
    from components.contracts.monitoring import Gathered, Watched
    from components.contracts.watching import WatchSpec
    from components.monitoring.evidence import verdict
    from components.monitoring.join import arrays, joined
    from components.monitoring.page import render
    from components.monitoring.report import against, lent_curves, look, outcome_pages, vintages
    from components.monitoring.rows import INPUT

    declared = WatchSpec.model_validate_json(spec)
    scenario, store = declared.scenario, work.store
    logged = {one: _gathered(work, scenario, one) for one in _logged_months(store, scenario, month)}
    batches = dict(_batches(store, scenario, month))
    files = {
        one: [
            file
            for entry in (logged.get(one), batches.get(one))
            if entry is not None
            for file in sorted((store.local(entry) / "decisions").glob("*.parquet"))
        ]
        for one in sorted({*logged, *batches})
    }
    decisions = [file for some in files.values() for file in some]
    if not decisions:
        raise VintageError(
            f"{scenario}: expected decisions up to {month} in {store.uri}, found none"
        )
    find = cache(lambda release: _known(store, scenario, release))
    segments = [f"{INPUT}{name}" for name in declared.segments]
    with joined(
        decisions, _delivered(store, scenario, "outcomes"), as_of=month, scratch=store.scratch(),
        columns=_there(decisions, segments), memory_gb=_MEMORY_GB, threads=_THREADS,
        standings=_delivered(store, scenario, "standings"),
    ) as found:  # fmt: skip
        columns = arrays(found.rows)
    looks = look(files.get(month, []), find, lambda release: _gold(store, scenario, release))
    judged = vintages(columns, month, declared, find)
    held = against(judged, declared, find)
    watched = Watched(
        scenario=scenario,
        as_of=month,
        gathered=tuple(Gathered.model_validate(e.facts["gathered"]) for e in logged.values()),
        matched=found.matched,
        drift={release: one.drift for release, one in looks.items()},
        evidence={release: one.page.evidence for release, one in looks.items()},
        verdicts={release: verdict(one.drift, one.page.evidence) for release, one in looks.items()},
        vintages=judged,
        against=held,
        curves=lent_curves(columns, month),
        roll_rates=found.roll_rates,
    )
    beside: dict[str, list[str]] = {}
    for release, name, html in (
        *((r, "", one.page.html) for r, one in looks.items()),
        *((r, "-outcomes", html) for r, html in outcome_pages(columns, judged, held, find).items()),
    ):
        if html is not None:
            beside.setdefault(release, []).append(f"evidently-{release[:12]}{name}.html")
            (target / beside[release][-1]).write_text(html)
    (target / PAGE).write_text(render(watched, earlier(), beside))
    (target / REPORT).write_text(watched.model_dump_json(indent=1) + "\n")
    return {
        "month": month,
        "alarmed": watched.alarmed,
        "decisions": sum(one.rows for one in watched.drift.values()),
    }


def _tell(work: Task, spec: str, watched: "Watched", earlier: "Earlier", made: Entry) -> None:
    """Tell other systems of a report; told again, each of them knows the same as before.

    1. People, of a report that this task made: first, as a second try only finds it.
    2. Prometheus, of the last month that there is a report of. Where it is away that is noted.
    3. MLflow and the audit table, once; in this order, so that what the audit has is in both.
    """
    from components.monitoring.gauges import gauges
    from components.monitoring.news import audited, figures, news
    from components.storage.database import Database
    from components.storage.notify import notify
    from components.storage.pushing import push

    scenario, month, settings, store = watched.scenario, watched.as_of, work.settings, work.store
    if not work.record.reused:
        for event, text in news(watched, earlier()):
            notify(settings.webhook, scenario=scenario, run=work.run, event=event, text=text)
    if month == reported(store, scenario)[-1]:
        told = gauges(watched, _standing(store, spec))
        work.record.facts["pushed"] = push(settings.pushgateway, scenario=scenario, gauges=told)
    database, key = Database(settings.database), f"monitored-{scenario}-{month}"
    if key in {one["evaluation"] for one in database.evaluations(scenario)}:
        return
    from components.storage.tracking import Tracking

    work.record.reused = False
    Tracking(settings).log(
        scenario,
        run=f"monitoring {month}",
        key=key,
        parameters={},
        figures=figures(watched),
        tags={
            "kind": "monitoring",
            "month": month,
            "alarm": "yes" if watched.alarmed else "no",
            "releases": " ".join(release[:12] for release in sorted(watched.drift)) or "none",
        },
        files=(store.local(made) / REPORT, store.local(made) / PAGE),
    )
    database.record_evaluation(scenario, key, run=work.run, decision=audited(watched))


def _standing(store: Store, spec: str) -> "Standing":
    from components.contracts.watching import WatchSpec
    from components.monitoring.gauges import Standing

    declared = WatchSpec.model_validate_json(spec)
    as_of = {
        entry.facts["release"]: str(entry.facts.get("as_of", ""))  # an older one does not say
        for entry in registry.list_releases(store, declared.scenario)
    }
    serving = registry.deployed_release(store, declared.scenario) or ""
    return Standing(
        trained_as_of=as_of.get(registry.latest_registered(store, declared.scenario), ""),
        retrain_after=declared.retrain_after,
        serving=serving,
        snapshot_as_of=as_of.get(serving, ""),
    )


def _there(files: Sequence[Path], columns: Sequence[str]) -> list[str]:
    """Those of the columns that some file has."""
    import pyarrow.parquet as pq

    names = {name for file in files for name in pq.read_schema(file).names}
    return [column for column in columns if column in names]


def _logged_months(store: Store, scenario: str, until: str) -> list[str]:
    """The months up to one of which the decision log has a day."""
    from components.scoring.decisions import FOLDER

    days = {name.split("/")[2] for name in store.names(f"{FOLDER}/{scenario}")}
    return sorted({day[:7] for day in days if day[:7] <= until})


def _gathered(work: Task, scenario: str, month: str) -> Entry:
    """The decisions of a month from the log: made again where the log has more of it."""
    from components.monitoring.decisions import day_folders, gather

    segments = [
        name for folder in day_folders(scenario, month) for name in work.store.names(folder)
    ]

    def read() -> Iterator[tuple[str, bytes]]:
        for name in segments:
            if (data := work.store.read(name)) is not None:
                yield name, data

    def make(target: Path) -> Mapping[str, object]:
        found = gather(read(), target / "decisions", scenario=scenario, month=month)
        return {"gathered": found.model_dump(mode="json")}

    return work.reuse_or_make(
        f"{scenario}/gathered",
        spec=month,
        inputs=dict.fromkeys(segments, ""),  # a segment that was shipped never changes
        rooms=("monitoring", "scoring"),
        libraries=_LIBRARIES,
        make=make,
    )


def _batches(store: Store, scenario: str, until: str) -> Iterator[tuple[str, Entry]]:
    """The months up to one that a batch was decided of."""
    for key in published(store, f"{scenario}/decided", MONTH.pattern):
        month = key.rpartition("/")[2]
        if month <= until and (entry := store.find(key)) is not None:
            yield month, entry


def _delivered(store: Store, scenario: str, what: str) -> list[Path]:
    """The outcomes, or the standings, that were taken in."""
    keys = published(store, f"{scenario}/{what}", _SHA256)
    entries = [entry for key in keys if (entry := store.find(key)) is not None]
    return sorted(store.local(entry) / f"{what}.parquet" for entry in entries)


def _known(store: Store, scenario: str, release: str) -> "Known":
    import pyarrow.parquet as pq

    from components.contracts.results import Evaluation
    from components.monitoring.report import Known
    from components.scoring.scorer import Scorer

    entry = registry.find_release(store, scenario, release)
    scorer = Scorer(store.local(entry), release)
    if (judged := store.find(str(entry.facts["evaluation"]))) is None:
        return Known(scorer)
    folder = store.local(judged)
    found = Evaluation.model_validate_json((folder / "evaluation.json").read_text())
    rows = pq.read_table(folder / "frozen.parquet", columns=["_label", "_pd"])
    tested = rows["_label"].to_numpy(), rows["_pd"].to_numpy()
    return Known(scorer, found.curves.calibration, tested)


def _gold(store: Store, scenario: str, release: str) -> Path | None:
    """The gold table that a release was made from."""
    made_from = registry.find_release(store, scenario, release).facts["gold"]
    entry = store.find(str(made_from))
    return None if entry is None else store.local(entry) / "final-dataset"


def reported(store: Store, scenario: str) -> list[str]:
    """The months that have a report, ascending."""
    keys = published(store, f"{scenario}/monitored", MONTH.pattern)
    return [key.rpartition("/")[2] for key in keys]


def _earlier(store: Store, scenario: str, month: str) -> "list[Watched]":
    found = (read_report(scenario, one) for one in reported(store, scenario) if one < month)
    return [one for one in found if one is not None]


def read_report(scenario: str, month: str) -> "Watched | None":
    """The report on a month, where there is one."""
    _, store = installation()
    entry = store.find(f"{scenario}/monitored/{month}")
    return None if entry is None else _read(store, entry)


def _read(store: Store, entry: Entry) -> "Watched":
    from components.contracts.monitoring import Watched

    return Watched.model_validate_json((store.local(entry) / REPORT).read_text())
