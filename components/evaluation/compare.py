"""Two bundles on the frozen rows: what a challenge is decided on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from components.contracts.errors import VintageError
from components.contracts.results import ChallengeReport, Contender
from components.contracts.scenario import ChallengeSpec
from components.evaluation.challenge import Side, challenge
from components.evaluation.evaluate import TestRows, read_test_rows, score_rows
from components.evaluation.frozen import FROZEN, check_frozen
from components.evaluation.terms import NotComparableError, of_the_champion
from components.figures.bootstrap import Scores
from components.figures.groups import groups_of
from components.scoring.bundle import Bundle

_LEAST_ROWS = 100
_CLASSES = 2


@dataclass(frozen=True)
class Frozen:
    """Where everything of a challenge lies."""

    gold: Path  # the challenger's table
    evaluation: Path  # the challenger's, with its frozen rows
    challenger: Path
    champion: Path
    #: Keys of the rows that the champion was fitted on; None: it cannot be known.
    seen: frozenset[object] | None


def walkover(
    scenario: str, why: str, releases: Sequence[Mapping[str, object]], *, comparable: bool = True
) -> ChallengeReport:
    """The report of a challenger that has nothing to beat, from the facts of one release or two.

    Where it has, but the champion cannot be compared, it has not won.
    """
    sides = [
        Contender(
            family=str(facts["family"]),
            bundle=str(facts["evaluated"]),
            approve_below=float(str(facts["approve_below"])),
        )
        for facts in releases
    ]
    return ChallengeReport(
        scenario=scenario,
        won=comparable,
        why=why,
        comparable=comparable,
        challenger=sides[0],
        champion=sides[1] if sides[1:] else None,
        left_out=None,
        decision=None,
    )


def compare(report: ChallengeReport, spec: ChallengeSpec, frozen: Frozen) -> ChallengeReport:
    """The report with the decision on the frozen rows that the champion was not fitted on."""
    assert report.champion is not None  # noqa: S101 - without one there is nothing to compare
    rows = read_test_rows(frozen.gold)
    own = _score(frozen.challenger, report.challenger.bundle, rows, "challenger")
    check_frozen(frozen.evaluation / FROZEN, rows, own, spec.key, report.challenger.bundle)
    segments = {name: groups_of(rows[name]) for name in spec.segments}
    with of_the_champion():
        other = _score(frozen.champion, report.champion.bundle, rows, "champion")
    keys, seen = rows[spec.key], frozen.seen or frozenset()
    kept = np.array([key not in seen for key in keys], dtype=np.bool_)
    label = rows.label[kept]
    if len(label) < _LEAST_ROWS or len(np.unique(label)) < _CLASSES:
        raise NotComparableError(
            f"challenge: expected at least {_LEAST_ROWS} frozen rows of both classes that the "
            f"champion was not fitted on, found {len(label):,} of {len(keys):,}, "
            f"{int(label.sum()):,} of them bad"
        )
    decision = challenge(
        label,
        Side(own[kept], report.challenger.approve_below),
        Side(other[kept], report.champion.approve_below),
        {name: own_groups[kept] for name, own_groups in segments.items()},
        rule=spec.challenge,
        economics=spec.economics,
        seed=spec.seed,
    )
    left_out = None if frozen.seen is None else len(keys) - len(label)
    found = {"won": decision.won, "why": decision.why, "left_out": left_out, "decision": decision}
    return report.model_copy(update=found)


def _score(folder: Path, identity: str, rows: TestRows, whose: str) -> Scores:
    try:
        return score_rows(Bundle.load(folder, identity), rows.columns)
    except VintageError as error:
        raise VintageError(
            f"challenge: expected the {whose}'s bundle {identity[:12]} to score the frozen rows, "
            f"found that it cannot: {error}"
        ) from error


def developed_keys(folder: Path, key: str) -> frozenset[object]:
    """The keys of the rows that the models of a gold table were fitted on."""
    names = pq.ParquetDataset(folder).schema.names
    if key not in names:
        raise NotComparableError(
            f"challenge: expected the key {key} in the champion's table, found {', '.join(names)}"
        )
    table = pq.read_table(folder, columns=[key, "_split"])
    pairs = zip(table[key].to_pylist(), table["_split"].to_pylist(), strict=True)
    return frozenset(k for k, side in pairs if side in ("train", "validation"))
