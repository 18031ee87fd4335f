"""The day that a run looks from. No Spark here: a reused step asks for it too."""

import calendar
from collections.abc import Mapping
from datetime import date, timedelta
from typing import cast

from components.contracts.errors import VintageError

#: The words for the month before today's: what a run that recurs is as of.
LAST_MONTH = "last month"
_MONTH = len("2023-01")


def day_of(as_of: str, today: date | None = None) -> str:
    """An as-of as an ISO date: a month stands for its last day, nothing for nothing.

    Where `today` is told, the words `last month` stand for the last day of the month before it.
    """
    if as_of == LAST_MONTH and today is not None:
        return (today.replace(day=1) - timedelta(days=1)).isoformat()
    try:
        if len(as_of) == _MONTH:
            first = date.fromisoformat(f"{as_of}-01")
            return first.replace(day=calendar.monthrange(first.year, first.month)[1]).isoformat()
        if not as_of or date.fromisoformat(as_of).isoformat() == as_of:
            return as_of
    except ValueError:
        pass
    raise VintageError(
        f"as-of {as_of!r}: expected a month (2024-03), a day (2024-03-15) or {LAST_MONTH!r}"
    )


def latest(facts: Mapping[str, object]) -> dict[str, str]:
    """The last date of each source that has dates; `facts` are those of bronze."""
    sources = cast("Mapping[str, Mapping[str, str]]", facts)
    return {name: found["last"] for name, found in sources.items() if found.get("last")}


def resolve(day: str, latest: Mapping[str, str]) -> str:
    """The day that a run looks from; `latest` is the last date of each dated source.

    Nothing is given: the latest date of all ("" without dates). It is never later than that: of
    the rest of a month nothing is known.
    """
    last = max(latest.values(), default="")
    if day[:_MONTH] > last[:_MONTH]:
        shown = ", ".join(f"{name} ends on {found}" for name, found in sorted(latest.items()))
        shown = shown or "no date can be read"
        raise VintageError(f"as-of {day}: expected data of that month, found that {shown}")
    return min(day, last) if day else last


def months_between(first: str, last: str) -> list[str]:
    """The months from one ISO date's to another's, both included, as 2024-03."""
    start, end = (int(day[:4]) * 12 + int(day[5:_MONTH]) - 1 for day in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1)]
