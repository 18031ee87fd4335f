"""What a monitoring report says of figures."""

from collections.abc import Sequence

from components.contracts.drift import Rate
from components.contracts.monitoring import Gathered, Trouble
from components.contracts.results import LEAST_ROWS
from components.contracts.vintages import Measure, Vintage
from components.figures.numbers import share_span, span
from components.figures.rates import wilson


def measured(one: Measure) -> str:
    """A figure with its interval, or why there is none."""
    return one.why if one.found is None else span(one.found)


def unless(one: Measure, said: str) -> str:
    """A figure, or why there is none, unless that was said."""
    return "-" if one.found is None and one.why == said else measured(one)


def each(some: Sequence[Measure], said: str = "") -> list[str]:
    """Figures of one row; why there is none is said once."""
    texts = []
    for one in some:
        texts.append(unless(one, said))
        said = one.why or said
    return texts


def measured_rate(one: Measure) -> str:
    """A rate that was measured with its interval, or why there is none."""
    if one.found is None:
        return one.why
    return share_span(one.found.value, one.found.low, one.found.high)


def counted_rate(one: Rate) -> str:
    """A rate that was counted with its interval, where there are rows."""
    if one.share is None or one.low is None or one.high is None:
        return "-"
    return share_span(one.share, one.low, one.high)


def troubles(one: Gathered) -> dict[str, Trouble]:
    """What was wrong with a month of the decision log, by its name."""
    return {
        "Unreadable segments": one.unreadable, "Cut off": one.cut,
        "Damaged records": one.damaged, "Read before": one.twice,
        "Clocks that differ": one.clocks,
    }  # fmt: skip


def bad_rate(one: Vintage) -> str:
    """Of the rows with an outcome."""
    if not one.known:
        return "-"
    if one.known < LEAST_ROWS:
        return f"{one.bad:,} of {one.known:,}: too few to tell"
    return share_span(one.bad / one.known, *wilson(one.bad, one.known))
