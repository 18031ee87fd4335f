"""A month's report, from tables and releases: what moved, and how what was decided did."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.drift import Drift
from components.contracts.results import Bin
from components.contracts.vintages import AgainstTraining, Curve, Vintage
from components.contracts.watching import WatchSpec
from components.monitoring.drift import Month, drift
from components.monitoring.evidence import Judged, Page, evidently, not_asked, outcomes_page
from components.monitoring.frames import categories_of, of_month, of_reference, own_score
from components.monitoring.join import Coded
from components.monitoring.performance import UNKNOWN, Decided, vintage
from components.monitoring.rows import INPUT, inputs_of
from components.monitoring.vintages import against_training, curves, trained_auc
from components.scoring.bundle import Bundle
from components.scoring.instances import Matrix, from_columns
from components.scoring.scorer import Scorer
from components.scoring.spec import Spec

_Columns = Mapping[str, NDArray[Any] | Coded]


@dataclass(frozen=True)
class Known:
    """A release that decided, and what its training left to hold decisions against."""

    scorer: Scorer
    #: The tenths in which its calibration was checked; none where that is not known.
    checked: tuple[Bin, ...] = ()
    #: The rows that were kept for the test; None where they are gone.
    tested: Judged | None = None

    @property
    def cutoff(self) -> float:
        return self.scorer.release.policy.approve_below


@dataclass(frozen=True)
class Look:
    """What both watches say of a release's decisions in a month."""

    drift: Drift
    page: Page


#: Finds a release by its id.
Find = Callable[[str], Known]
#: Finds the gold table that a release was made from; None where it is gone.
FindGold = Callable[[str], Path | None]


def look(files: Sequence[Path], find: Find, find_gold: FindGold) -> dict[str, Look]:
    """A month's decisions, of each release against what it was made from."""
    found: dict[str, Look] = {}
    for release in sorted({one for file in files for one in _releases(file)}):
        bundle = find(release).scorer.bundle
        tables = [table for file in files if len(table := _of_release(file, release))]
        month = _month(bundle, tables)
        if (gold := find_gold(release)) is None:
            moved = drift(bundle.reference(), month)
            page = not_asked(moved, "the rows that the release was made from are gone")
        else:
            own = own_score(bundle, gold)
            moved, rows = drift(bundle.reference(), month, own), of_reference(bundle, gold, own)
            page = evidently(rows, of_month(month), month.categories, moved)
        found[release] = Look(moved, page)
    return found


def _releases(file: Path) -> list[str]:
    found: list[str] = pc.unique(pq.read_table(file, columns=["release"])["release"]).to_pylist()
    return found


def _of_release(file: Path, release: str) -> pa.Table:
    return pq.read_table(file, filters=[("release", "=", release)])


def _month(bundle: Bundle, tables: Sequence[pa.Table]) -> Month:
    spec = bundle.spec
    # Made anew from what was logged, as they were when it was decided.
    features = np.concatenate([bundle.features(_inputs(spec, table)) for table in tables])
    logged = {name for table in tables for name in table.column_names}
    gone = {i.name for i in spec.inputs if INPUT + i.name not in logged}
    there = [place for place, feature in enumerate(spec.features) if feature.name not in gone]
    return Month(
        names=[spec.features[place].name for place in there],
        features=features[:, there] if gone else features,
        pd=np.concatenate([table["pd"].to_numpy() for table in tables]),
        approved=np.concatenate([table["approved"].to_numpy() for table in tables]),
        categories=categories_of(spec),
    )


def _inputs(spec: Spec, table: pa.Table) -> Matrix:
    """The input matrix of decisions; what nobody logged is missing, though it may not be."""
    given: dict[str, Any] = inputs_of(table)
    there = [i.name in given for i in spec.inputs]
    matrix = np.full((len(table), len(there)), np.nan)
    declared = [replace(i, nullable=True) for i in spec.inputs if i.name in given]
    matrix[:, there] = from_columns(declared, given)
    return matrix


def vintages(columns: _Columns, as_of: str, spec: WatchSpec, find: Find) -> tuple[Vintage, ...]:
    """How the decisions of every month and release did, the earliest first."""
    months = columns["vintage"]
    releases = columns["release"]
    assert isinstance(releases, Coded) and not isinstance(months, Coded)  # noqa: S101 - for mypy
    found = []
    for month in np.unique(months):
        for code, release in enumerate(releases.texts):
            rows = (months == month) & (releases.codes == code)
            if rows.any():
                known = find(release)
                decided = _decided(columns, rows, str(month)[:7], release, known, spec)
                found.append(vintage(decided, as_of, spec, known.checked))
    return tuple(found)


def _decided(
    columns: _Columns, rows: NDArray[np.bool_], month: str, release: str, known: Known,
    spec: WatchSpec,
) -> Decided:  # fmt: skip
    def of(name: str) -> Any:
        values = columns[name]
        if isinstance(values, Coded):
            texts = np.array([*values.texts, None], dtype=object)
            return texts[values.codes[rows]]  # -1, the last, is where there is none
        return values[rows]

    return Decided(
        month=month,
        release=release,
        cutoff=known.cutoff,
        pd=of("pd"),
        approved=of("approved"),
        bad=of("bad"),
        segments={
            name: of(f"{INPUT}{name}") for name in spec.segments if f"{INPUT}{name}" in columns
        },
    )


def against(found: Sequence[Vintage], spec: WatchSpec, find: Find) -> tuple[AgainstTraining, ...]:
    """Every vintage's AUC beside that of its release's training."""
    trained = {}
    for release in {one.release for one in found}:
        known = find(release)
        if known.tested is not None:
            trained[release] = trained_auc(*known.tested, known.cutoff, spec)
    return against_training(found, trained)


def outcome_pages(
    columns: _Columns, found: Sequence[Vintage], held: Sequence[AgainstTraining], find: Find
) -> dict[str, str]:
    """Each release's page of its latest vintage that stands beside its training."""
    latest = {one.release: one.month for one in held if one.verdict != "none"}  # in order of time
    pages = {}
    for one in found:
        known = find(one.release)
        if latest.get(one.release) == one.month and known.tested is not None:
            label, pd = known.tested
            if one.selected:  # then the AUCs are of approved rows on both sides, too
                label, pd = label[pd < known.cutoff], pd[pd < known.cutoff]
            pages[one.release] = outcomes_page((label, pd), _judged(columns, one))
    return pages


def _judged(columns: _Columns, vintage: Vintage) -> Judged:
    """The outcomes of a vintage, and its PDs."""
    releases = columns["release"]
    assert isinstance(releases, Coded)  # noqa: S101 - for mypy
    months, pd, bad = _plain(columns, "vintage", "pd", "bad")
    own = (months == np.datetime64(vintage.month)) & (bad != UNKNOWN) & np.isfinite(pd)
    own &= releases.codes == releases.texts.index(vintage.release)
    return bad[own], pd[own]


def lent_curves(columns: _Columns, as_of: str) -> tuple[Curve, ...]:
    """How the approved rows of every month went bad: what was never lent cannot."""
    lent, months, gone_bad = _plain(columns, "approved", "vintage", "gone_bad")
    since = gone_bad[lent]
    return curves(months[lent], ~np.isnat(since), since, as_of)


def _plain(columns: _Columns, *names: str) -> list[NDArray[Any]]:
    """Columns that are no texts."""
    found = [columns[name] for name in names]
    return [values for values in found if not isinstance(values, Coded)]
