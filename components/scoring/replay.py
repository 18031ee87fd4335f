"""A logged decision made anew from its logged inputs, and compared to the bit."""

import struct
from dataclasses import dataclass

import numpy as np

from components.contracts.errors import VintageError
from components.scoring.decisions import Header, Record
from components.scoring.reasons import Reason
from components.scoring.release import DECISIONS, Release
from components.scoring.scorer import Scorer


@dataclass(frozen=True)
class Replayed:
    """What came out, beside what was logged."""

    #: The features that the inputs make, by name.
    features: dict[str, float]
    reasons: tuple[Reason, ...]
    #: What is compared: its name, as it was logged, as it came out.
    compared: tuple[tuple[str, object, object], ...]

    @property
    def differences(self) -> list[str]:
        """The names of what did not come out as logged; floats are the same to the bit or not."""
        return [name for name, logged, found in self.compared if _bits(logged) != _bits(found)]


def _bits(value: object) -> object:
    return struct.pack("<d", value) if isinstance(value, float) else value


def answered_by(header: Header, record: Record, row: int) -> tuple[Release, Release | None]:
    """The release that answered for a row, and the one that scored it beside, if any."""
    if header.challenger is None or record.challenged is None:
        return header.champion, None
    if record.challenged[row]:
        return header.challenger, header.champion
    return header.champion, header.challenger


def replay(
    header: Header, record: Record, row: int, scorer: Scorer, beside: Scorer | None
) -> Replayed:
    """Make the decision on a row again, with the releases of `answered_by`."""
    inputs = record.inputs[row : row + 1]
    _check_inputs(header, scorer)
    bundle = scorer.bundle
    features = bundle.features(inputs)
    pds = bundle.score_features(features).pd
    (reasons,) = bundle.reasons(features)
    (approved,) = scorer.release.policy.approves(pds).tolist()
    compared: list[tuple[str, object, object]] = [
        ("pd", float(record.pd[row]), float(pds[0])),
        ("points", int(record.points[row]), int(bundle.points(pds)[0])),
        ("decision", DECISIONS[bool(record.approved[row])], DECISIONS[approved]),
    ]
    if record.reasons is not None:
        codes = tuple(reason.code for reason in reasons)
        compared.append(("reasons", record.reasons[row], codes))
    if beside is not None and record.other is not None:
        _check_inputs(header, beside)
        other = beside.bundle.score(inputs).pd[0]
        compared.append(("other pd", float(record.other[row]), float(other)))
    names = [feature.name for feature in bundle.spec.features]
    return Replayed(dict(zip(names, features[0].tolist(), strict=True)), reasons, tuple(compared))


def _check_inputs(header: Header, scorer: Scorer) -> None:
    """The columns of the log are those of the release, or its numbers mean something else."""
    logged = [(i.name, i.kind, i.values) for i in header.inputs]
    if logged != [(i.name, i.kind, i.values) for i in scorer.bundle.spec.inputs]:
        raise VintageError(
            f"{header.scenario}: expected a log with the inputs of release {scorer.id[:12]}, "
            "found one with others"
        )


def shown_inputs(header: Header, record: Record, row: int) -> dict[str, object]:
    """A row's logged inputs by name, as a caller would give them; a date is days since 1970."""
    found: dict[str, object] = {}
    for column, value in zip(header.inputs, record.inputs[row].tolist(), strict=True):
        found[column.name] = None if np.isnan(value) else value
        if column.values and not np.isnan(value):
            found[column.name] = column.values[int(value)]
    return found
