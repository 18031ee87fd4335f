"""Finds a logged decision, on this machine or in the object store, and makes it anew.

Like a step it reads the store and leaves the work to scoring; a command calls it, no pipeline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.contracts.errors import VintageError
from components.scoring.decisions import (
    FOLDER,
    OPEN,
    Header,
    Record,
    Segment,
    folders_of,
    is_segment,
    nearest_first,
    parse_decision,
)
from components.scoring.release import Release
from components.scoring.replay import Replayed, answered_by, replay
from components.scoring.scorer import Scorer
from components.storage import registry
from components.storage.objects import Store
from components.storage.steps import installation


@dataclass(frozen=True)
class Decision:
    """A decision as it was logged, where, and as it came out again."""

    place: str
    header: Header
    record: Record
    row: int
    release: Release
    replayed: Replayed


def replay_decision(identity: str, scenarios: Sequence[str]) -> Decision:
    """Make a decision anew. Raises where its id, its record or a release of it is not found."""
    request, row = parse_decision(identity)
    settings, store = installation()
    folder = settings.home / FOLDER
    for place, data in _candidates(folder, store, scenarios, request):
        # A segment that was opened a moment ago may have no whole header yet.
        if request.encode() not in data:
            continue
        segment = Segment(place, data)
        if (record := segment.find(request)) is None:
            continue
        if row >= len(record.inputs):
            raise VintageError(
                f"decision {identity}: expected one of the {len(record.inputs)} rows of its "
                f"request, found row {row}"
            )
        release, beside = answered_by(segment.header, record, row)
        scorer = _scorer(store, release)
        other = None if beside is None else _scorer(store, beside)
        found = replay(segment.header, record, row, scorer, other)
        return Decision(place, segment.header, record, row, release, found)
    raise VintageError(
        f"decision {identity}: expected its record in {folder} or in {store.uri}/{FOLDER}, of "
        f"{', '.join(scenarios) or 'no scenario'}, found none"
    )


def _candidates(
    folder: Path, store: Store, scenarios: Sequence[str], request: str
) -> Iterator[tuple[str, bytes]]:
    """Where a request's record may be: on this machine, then in the store, the nearest first."""
    yield from _local(folder)
    names = [n for s in scenarios for place in folders_of(s, request) for n in store.names(place)]
    for name in nearest_first(request, names):
        if (data := store.read(name)) is not None:
            yield f"{store.uri}/{name}", data
    # A segment that was closed at the first look was not yet in the store at the second.
    yield from _local(folder)


def _local(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("*/*")):
        if is_segment(path.name.removesuffix(OPEN)):
            try:
                yield str(path), path.read_bytes()
            except FileNotFoundError:  # closed or shipped, a moment ago
                continue


def _scorer(store: Store, release: Release) -> Scorer:
    entry = registry.find_release(store, release.scenario, release.id)
    return Scorer(store.local(entry), release.id)
