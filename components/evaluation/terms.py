"""The terms of a challenge: what two releases' facts say before anything is scored."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from components.contracts.errors import VintageError

Facts = Mapping[str, object]
#: What a challenge asks of a release; those of earlier versions do not say all of it.
_NEEDED = ("family", "bundle", "evaluated", "approve_below", "gold", "models", "folder")


class NotComparableError(VintageError):
    """The champion cannot be measured on a challenger's frozen rows."""


def nothing_to_compare(challenger: Facts, champion: Facts) -> str:
    """Why two releases are one model; empty where they are not."""
    if challenger["bundle"] == champion.get("bundle"):
        facts = {"cut-off": "approve_below", "snapshot": "gold"}
        other = [what for what, fact in facts.items() if challenger[fact] != champion.get(fact)]
        return f"same model, another {' and '.join(other) or 'policy'}"
    if challenger["evaluated"] == champion.get("evaluated"):
        return "same model, fitted on other rows"
    return ""


def check(facts: Facts, *more: str) -> None:
    """Raise VintageError where a release does not say what a challenge needs."""
    if missing := [fact for fact in (*_NEEDED, *more) if fact not in facts]:
        raise VintageError(
            f"challenge: expected release {str(facts['release'])[:12]} to say its "
            f"{', '.join(missing)}, found that it does not; train it again"
        )


@contextmanager
def of_the_champion() -> Iterator[None]:
    """What is amiss with the champion must not end a challenge: it cannot be compared."""
    try:
        yield
    except VintageError as error:
        if error.transient:
            raise
        raise NotComparableError(str(error)) from error


def event(made: Facts) -> str:
    """What the entry of a challenge is called where people are told of it."""
    if not made["passed"]:
        return "challenge lost"
    return "challenge won" if made["compared"] else "no challenge needed"


def side(facts: Facts) -> str:
    """What of a release a challenge depends on."""
    return f"{facts['evaluated']} below {facts['approve_below']!r}"
