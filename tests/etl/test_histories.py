"""What a row may know of its past: all of it, exactly, and nothing from its own time on."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from components.contracts.history import Figure, History, How, Lookup
from components.etl.histories import AS_OF, with_history, with_lookup

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FRAMES: dict[str, dict[str, int]] = {"": {}, "_30d": {"days": 30}, "_2m": {"months": 2}}


def _figures() -> tuple[Figure, ...]:
    """Every figure over every frame."""
    made = []
    for suffix, frame in FRAMES.items():
        for how in get_args(How):
            of = None if how in ("count", "days-since") else "amount"
            made.append(
                Figure.model_validate(
                    {"name": f"{how.replace('-', '_')}{suffix}", "how": how, "of": of,
                     "value": "1.5" if how == "share" else None, **frame}
                )
            )  # fmt: skip
        made.append(Figure(name=f"kinds{suffix}", how="distinct", of="kind", **frame))
        made.append(Figure(name=f"as_a{suffix}", how="share", of="kind", value="a", **frame))
    return tuple(made)


HISTORY = History(source="deals", on="client", figures=_figures())


@dataclass(frozen=True)
class Event:
    at: datetime
    amount: float | None
    kind: str | None


@dataclass(frozen=True)
class Past:
    """The events of one client, and the dates that it is looked at from."""

    events: tuple[Event, ...]
    as_of: tuple[datetime, ...]


START = datetime(2023, 11, 20, tzinfo=UTC)
DAYS = st.integers(0, 120).map(timedelta)
HOURS = st.sampled_from((timedelta(), timedelta(), timedelta(hours=1), timedelta(hours=12)))
MOMENTS = st.builds(lambda days, hours: START + days + hours, DAYS, HOURS)
AS_OFS = st.builds(
    lambda at, micros: at + micros, MOMENTS, st.sampled_from((timedelta(), timedelta.resolution))
)
AMOUNTS = st.none() | st.sampled_from((0.0, 1.5, 1.5, -2.25)) | st.floats(-1e4, 1e4, width=32)
EVENTS = st.builds(Event, MOMENTS, AMOUNTS, st.sampled_from((None, "a", "b", "ä")))
PASTS = st.builds(
    Past,
    st.lists(EVENTS, max_size=14).map(tuple),
    st.lists(AS_OFS, min_size=1, max_size=3).map(tuple),
)
#: Every example is a job of Spark's with dozens of clients; to make a failure smaller takes hours.
SEVERAL = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
EVENT_COLUMNS = "client string, at timestamp, amount double, kind string"


def _figured(
    spark: "SparkSession", pasts: Sequence[Past], parts: int = 2
) -> dict[tuple[int, int], dict[str, float | None]]:
    """(client, number of its row) -> figures; every client is alone in what it knows."""
    rows = [
        (f"{number}-{which}", str(number), moment)
        for number, past in enumerate(pasts)
        for which, moment in enumerate(past.as_of)
    ]
    events = [
        (str(number), event.at, event.amount, event.kind)
        for number, past in enumerate(pasts)
        for event in past.events
    ]
    population = spark.createDataFrame(rows, f"row string, client string, {AS_OF} timestamp")
    deals = spark.createDataFrame(events, EVENT_COLUMNS).repartition(parts)
    found = with_history(population.repartition(parts), deals, HISTORY, "at", "row")
    made = {}
    for row in found.collect():
        client, which = row["row"].split("-")
        made[int(client), int(which)] = {f.name: row[f.name] for f in HISTORY.figures}
    assert len(made) == len(rows)
    return made


def _seen(past: Past, as_of: datetime, figure: Figure) -> list[Event]:
    """The events in a figure's frame, the first of them first."""

    def month(moment: datetime) -> int:
        return moment.year * 12 + moment.month

    seen = [event for event in past.events if event.at < as_of]
    if figure.days is not None:
        seen = [event for event in seen if event.at >= as_of - timedelta(days=figure.days)]
    if figure.months is not None:
        first = month(as_of) - figure.months
        seen = [event for event in seen if first <= month(event.at) < month(as_of)]
    return sorted(seen, key=lambda event: event.at)


def _expected(past: Past, as_of: datetime, figure: Figure) -> float | None:
    seen = _seen(past, as_of, figure)
    if figure.how == "count":
        return len(seen)
    if figure.how == "days-since":
        return (as_of - seen[-1].at) / timedelta(days=1) if seen else None
    if figure.of == "kind":
        kinds = [(event.at, event.kind) for event in seen if event.kind is not None]
        return _of_any([kind for _, kind in kinds], figure, figure.value)
    known = [(event.at, Fraction(event.amount)) for event in seen if event.amount is not None]
    if figure.how in ("share", "distinct"):
        return _of_any([value for _, value in known], figure, Fraction(3, 2))
    return _of_numbers(known, figure) if known else None


def _of_any(values: list[Any], figure: Figure, wanted: object) -> float | None:
    if figure.how == "distinct":
        return len(set(values))
    return values.count(wanted) / len(values) if values else None


def _of_numbers(known: list[tuple[datetime, Fraction]], figure: Figure) -> float | None:
    values = [value for _, value in known]
    mean = sum(values) / len(values)
    if figure.how == "trend":
        return _slope(known, mean, figure)
    made = {
        "sum": sum(values),
        "mean": mean,
        "deviation": math.sqrt(sum((value - mean) ** 2 for value in values) / len(values)),
        "minimum": min(values),
        "maximum": max(values),
        "last": max(known)[1],
    }
    return float(made[figure.how])


def _slope(
    known: list[tuple[datetime, Fraction]], mean: Fraction | float, figure: Figure
) -> float | None:
    if figure.days is None:
        times = [Fraction(at.year * 12 + at.month) for at, _ in known]
    else:
        times = [Fraction((at - START) // timedelta.resolution, 86_400_000_000) for at, _ in known]
    middle = sum(times) / len(times)
    spread = sum((time - middle) ** 2 for time in times)
    pairs = zip(times, known, strict=True)
    along = sum((time - middle) * (value - mean) for time, (_, value) in pairs)
    return float(along / spread) if spread else None


@SEVERAL
@given(pasts=st.lists(PASTS, min_size=20, max_size=25))
def test_every_figure_is_what_its_definition_says(spark: "SparkSession", pasts: list[Past]) -> None:
    found = _figured(spark, pasts)
    for (number, which), figures in found.items():
        past = pasts[number]
        as_of = past.as_of[which]
        for figure in HISTORY.figures:
            expected, value = _expected(past, as_of, figure), figures[figure.name]
            told = (figure.name, past, as_of)
            if expected is None or figure.how in ("count", "distinct", "minimum", "maximum"):
                assert value == expected, told
            else:
                amounts = [abs(e.amount or 0) for e in _seen(past, as_of, figure)]
                scale = max([1.0, *amounts]) * len(amounts)
                assert value == pytest.approx(expected, rel=1e-12, abs=1e-12 * scale), told


def _bits(figures: dict[str, float | None]) -> dict[str, bytes | None]:
    return {n: None if v is None else struct.pack("<d", v) for n, v in figures.items()}


@SEVERAL
@given(
    pairs=st.lists(st.tuples(PASTS, st.lists(EVENTS, max_size=6)), min_size=20, max_size=25),
)
def test_no_event_from_the_as_of_on_leaves_a_trace_in_a_figure(
    spark: "SparkSession", pairs: list[tuple[Past, list[Event]]]
) -> None:
    before, after = [], []
    for past, others in pairs:
        as_of = past.as_of[0]
        known = tuple(event for event in past.events if event.at < as_of)
        future = tuple(event for event in others if event.at >= as_of)
        at_once = tuple(Event(as_of, event.amount, event.kind) for event in others)
        before.append(Past(past.events, (as_of,)))
        after.append(Past((*future, *at_once, *known), (as_of,)))
    found = _figured(spark, [*before, *after], parts=3)
    for number in range(len(pairs)):
        other = number + len(pairs)
        assert _bits(found[number, 0]) == _bits(found[other, 0]), pairs[number]


def test_an_event_without_a_key_or_a_date_is_nobodys(spark: "SparkSession") -> None:
    rows = [("1", "A", START), ("2", None, START)]
    before = START - timedelta(days=1)
    events = [("A", None, 1.0, "a"), (None, before, 2.0, "a"), ("A", before, 4.0, "a")]
    found = with_history(
        spark.createDataFrame(rows, f"row string, client string, {AS_OF} timestamp"),
        spark.createDataFrame(events, EVENT_COLUMNS),
        HISTORY,
        "at",
        "row",
    )
    counts = {row["row"]: (row["count"], row["count_30d"], row["sum"]) for row in found.collect()}
    assert counts == {"1": (1.0, 1.0, 4.0), "2": (0.0, 0.0, None)}


def _plan(frame: "DataFrame") -> str:
    """The plan as first made, one operator a line."""
    plan = frame._jdf.queryExecution().sparkPlan().toString()  # type: ignore[operator]
    executed = frame._jdf.queryExecution().executedPlan().toString()  # type: ignore[operator]
    return str(executed or plan)


@pytest.mark.parametrize(
    ("figures", "sorts", "shuffles"),
    [
        (("count", "mean", "last"), 1, 1),
        (("mean_30d", "trend_2m", "deviation_30d"), 3, 2),
    ],
)
def test_a_history_is_shuffled_once_a_table(
    spark: "SparkSession", figures: tuple[str, ...], sorts: int, shuffles: int
) -> None:
    chosen = tuple(figure for figure in HISTORY.figures if figure.name in figures)
    rows = spark.range(10).selectExpr(
        "string(id) AS row", "string(id % 3) AS client", f"timestamp('2024-01-01') AS {AS_OF}"
    )
    deals = spark.range(10).selectExpr(
        "string(id % 3) AS client", "timestamp('2023-12-31') AS at", "double(id) AS amount"
    )
    history = HISTORY.model_copy(update={"figures": chosen})
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
    try:
        plan = _plan(with_history(rows, deals, history, "at", "row"))
    finally:
        spark.conf.unset("spark.sql.autoBroadcastJoinThreshold")
    lines = [line.lstrip(" :+-*()0123456789") for line in plan.splitlines()]
    assert sum(line.startswith("Sort ") for line in lines) == sorts, plan
    assert sum(line.startswith("Exchange ") for line in lines) == shuffles, plan


def _looked_up(spark: "SparkSession", dated: bool, parts: int) -> dict[str, tuple[object, ...]]:
    day = date(2024, 3, 1)
    known = [
        ("A", day - timedelta(days=9), 1.0, "old"),
        ("A", day, 2.0, None),
        ("A", day, 1.0, "x"),
        ("A", day + timedelta(days=1), 9.0, "late"),
        ("B", day + timedelta(days=1), 9.0, "late"),
        (None, day, 5.0, "nobody"),
    ]
    rows = [("1", "A", day), ("2", "B", day), ("3", "C", day), ("4", None, day)]
    rows += [("5", "A", day - timedelta(days=1))]
    source = spark.createDataFrame(known, "client string, day date, size double, name string")
    population = spark.createDataFrame(rows, f"row string, client string, {AS_OF} date")
    lookup = Lookup(source="facts", on="client")
    found = with_lookup(
        population.repartition(parts), source.repartition(parts), lookup,
        "day" if dated else None, ["name", "size"],
    )  # fmt: skip
    assert found.columns == ["row", "client", AS_OF, "name", "size"]
    return {row["row"]: (row["name"], row["size"]) for row in found.collect()}


@pytest.mark.parametrize("parts", [1, 4])
def test_a_look_up_is_of_the_latest_row_up_to_the_as_of(spark: "SparkSession", parts: int) -> None:
    nothing = (None, None)
    assert _looked_up(spark, dated=True, parts=parts) == {
        "1": ("x", 1.0), "2": nothing, "3": nothing, "4": nothing, "5": ("old", 1.0),
    }  # fmt: skip


def test_a_source_without_dates_is_looked_up_as_it_is(spark: "SparkSession") -> None:
    found = _looked_up(spark, dated=False, parts=2)
    assert found["2"] == ("late", 9.0)
    assert found["1"] == found["5"] == ("x", 1.0)  # the largest: of several rows, always the same
    assert found["3"] == found["4"] == (None, None)
