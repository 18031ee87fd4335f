"""What is known before a row's date: figures, look-ups, labels, and whether any looks ahead."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts.history import AsOfColumn, AsOfEnd, Figure, History, Lookup
from components.contracts.modelling import Feature
from components.contracts.outcomes import (
    GivenLabel,
    GroupedSplit,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
    StatusLabel,
    StratifiedSplit,
)
from components.contracts.scenario import Scenario
from components.contracts.sources import Column, Kind, Merge, Source
from tests.making import scenario

VISITS = Source(
    name="visits",
    grain="one row a visit",
    files=("visits.csv",),
    key=("VISIT",),
    date="SEEN",
    columns=(
        Column(name="VISIT", kind=Kind.KEY),
        Column(name="ID", kind=Kind.KEY),
        Column(name="SEEN", kind=Kind.MOMENT),
        Column(name="SPENT", kind=Kind.NUMBER),
        Column(name="SHOP", kind=Kind.CATEGORY, values=("a", "b")),
        Column(name="RETURNED", kind=Kind.INTEGER, after=True),
        Column(name="NAME", kind=Kind.TEXT, private=True),
    ),
)
CLIENTS = Source(
    name="clients",
    grain="one row a client",
    files=("clients.csv",),
    key=("ID",),
    columns=(
        Column(name="ID", kind=Kind.KEY),
        Column(name="JOINED", kind=Kind.DATE),
        Column(name="INCOME", kind=Kind.NUMBER),
        Column(name="BAD", kind=Kind.INTEGER, minimum=0, maximum=1),
        Column(name="CLOSED", kind=Kind.INTEGER, after=True),
    ),
)
SPENT = Figure(name="SPENT_BEFORE", how="sum", of="SPENT")


def dated(**changes: Any) -> Scenario:
    """Clients as of the day they joined, with what they spent before."""
    declared: dict[str, Any] = {
        "sources": (CLIENTS, VISITS),
        "merge": Merge(table="clients", grain="", key="ID", sources=("clients",)),
        "as_of": AsOfColumn(column="JOINED"),
        "histories": (History(source="visits", on="ID", figures=(SPENT,)),),
        "label": GivenLabel(column="BAD"),
        "split": GroupedSplit(by=("ID",)),
        "features": (
            Feature(name="INCOME", title="income"),
            Feature(name="SPENT_BEFORE", title="spent before"),
        ),
        "protected": (),
    }
    return scenario(**{**declared, **changes})


def more(source: Source, name: str, *, of: str) -> Source:
    """The source with one more column, made of the cells of another."""
    (made,) = (c.model_copy(update={"name": name}) for c in source.columns if c.name == of)
    added = made.model_copy(update={"of": of, "after": False})
    return source.model_copy(update={"columns": (*source.columns, added)})


def history(**figure: Any) -> tuple[History, ...]:
    return (History(source="visits", on="ID", figures=(Figure(name="F", **figure),)),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"how": "sum"}, "figure F: expected a column for sum"),
        ({"how": "count", "of": "SPENT"}, "figure F: expected no column for count"),
        ({"how": "days-since", "of": "SPENT"}, "figure F: expected no column for days-since"),
        ({"how": "share", "of": "SHOP"}, "figure F: a value is for share, and needed there"),
        ({"how": "mean", "of": "SPENT", "value": "a"}, "figure F: a value is for share"),
        (
            {"how": "mean", "of": "SPENT", "days": 3, "months": 3},
            "figure F: expected days or months, found both",
        ),
        ({"how": "median", "of": "SPENT"}, "Input should be 'count'"),
        ({"how": "mean", "of": "SPENT", "days": 0}, "greater than or equal to 1"),
    ],
)
def test_a_figure_that_says_too_little_or_too_much_is_refused(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Figure(name="F", **given)


@pytest.mark.parametrize(
    ("figure", "kind", "minimum", "maximum", "nullable"),
    [
        (Figure(name="F", how="count"), Kind.INTEGER, 0, None, False),
        (Figure(name="F", how="distinct", of="SHOP"), Kind.INTEGER, 0, None, False),
        (Figure(name="F", how="share", of="SHOP", value="a"), Kind.NUMBER, 0, 1, True),
        (Figure(name="F", how="deviation", of="SPENT"), Kind.NUMBER, 0, None, True),
        (Figure(name="F", how="days-since"), Kind.NUMBER, 0, None, True),
        (Figure(name="F", how="mean", of="SPENT"), Kind.NUMBER, None, None, True),
        (Figure(name="F", how="last", of="SPENT"), Kind.NUMBER, None, None, True),
        (Figure(name="F", how="last", of="SHOP"), Kind.CATEGORY, None, None, True),
    ],
)
def test_a_figure_is_a_column_that_says_what_it_may_hold(
    figure: Figure, kind: Kind, minimum: float | None, maximum: float | None, nullable: bool
) -> None:
    column = figure.column(VISITS.column(figure.of or ""))
    assert (column.kind, column.minimum, column.maximum) == (kind, minimum, maximum)
    assert column.nullable() == nullable
    assert column.values == (("a", "b") if kind is Kind.CATEGORY else ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"as_of": None}, "source visits has dates: expected an as-of, found none"),
        ({"as_of": AsOfColumn(column="INCOME")}, "as-of INCOME: expected one of its dates"),
        (
            {"histories": (History(source="clients", on="ID", figures=(SPENT,)),)},
            "history of clients: expected a source with a date, found none",
        ),
        (
            {"histories": (History(source="shops", on="ID", figures=(SPENT,)),)},
            "source shops is not declared; known: clients, visits",
        ),
        (
            {"histories": (History(source="visits", on="WHO", figures=(SPENT,)),)},
            "WHO is not a column of clients",
        ),
        ({"histories": history(how="mean", of="COST")}, "F: COST is not a column of visits"),
        ({"histories": history(how="mean", of="NAME")}, "F: NAME is not a column of visits"),
        ({"histories": history(how="mean", of="SHOP")}, "F: mean is of numbers, SHOP is a cat"),
        ({"histories": history(how="last", of="SEEN")}, "F: last is of numbers and categories"),
        (
            {"histories": history(how="mean", of="RETURNED")},
            "figure F reads RETURNED, which is known only after its row's date",
        ),
        (
            {
                "sources": (CLIENTS, more(VISITS, "AGAIN", of="RETURNED")),
                "histories": history(how="mean", of="AGAIN"),
            },
            "figure F reads AGAIN, which is known only after its row's date",
        ),
        (
            {
                "sources": (more(CLIENTS, "WORSE", of="BAD"), VISITS),
                "features": (Feature(name="WORSE", title="the label under another name"),),
            },
            "feature WORSE reads WORSE (made of the cells of BAD, the label): no feature may",
        ),
        (
            {
                "sources": (more(CLIENTS, "WEALTH", of="INCOME"), VISITS),
                "protected": ("WEALTH",),
            },
            "feature INCOME reads INCOME (made of the cells of WEALTH, protected): no feature may",
        ),
        (
            {"histories": history(how="mean", of="SPENT"), "label": GivenLabel(column="SPENT")},
            "figure F reads SPENT (the label): no figure may",
        ),
        (
            {"histories": history(how="mean", of="SPENT"), "protected": ("SPENT",)},
            "figure F reads SPENT (protected): no figure may",
        ),
        (
            {"histories": history(how="share", of="SHOP", value="z")},
            "figure F: expected a share of one of ['a', 'b'], found 'z'",
        ),
        (
            {
                "sources": (CLIENTS, VISITS.model_copy(update={"date": None})),
                "lookups": (Lookup(source="visits", on="ID"),),
                "histories": (),
            },
            "look-up of visits: without a date it takes the only row of each ID; expected that as "
            "its key, found ('VISIT',)",
        ),
        (
            {"label": StatusLabel(source="visits", on="ID", column="SHOP", bad=("b", "c"))},
            "label: ['c'] are no values of SHOP, expected some of ['a', 'b']",
        ),
        (
            {
                "label": ProxyLabel(source="visits", on="ID", amount="SPENT"),
                "split": StratifiedSplit(),
            },
            "label: a proxy is learned on one side of a split that is set before it; expected a "
            "grouped one, found stratified",
        ),
        (
            {"features": (Feature(name="CLOSED", title="closed"),)},
            "feature CLOSED reads ['CLOSED'], known only after the as-of",
        ),
        (
            {"features": (Feature(name="X", title="x", expression="INCOME * CLOSED"),)},
            "feature X reads ['CLOSED'], known only after the as-of",
        ),
        (
            {"features": (Feature(name="JOINED", title="joined"),)},
            "feature JOINED is JOINED: expected an expression over dates",
        ),
        ({"lookups": (Lookup(source="visits", on="ID"),), "histories": ()}, "BEFORE'], which no"),
        (
            {"label": StatusLabel(source="visits", on="ID", column="SHOP", bad=("a",))},
            "circular: SPENT_BEFORE come from rows of visits that the label is made of too",
        ),
        (
            {"label": ProxyLabel(source="visits", on="ID", amount="SPENT", start=-30)},
            "circular: SPENT_BEFORE come from rows of visits that the label is made of too",
        ),
        (
            {"label": ProxyLabel(source="clients", on="ID", amount="INCOME"), "histories": ()},
            "a proxy needs an as-of, and a date in source clients",
        ),
        (
            {"label": StatusLabel(source="visits", on="ID", column="STATE", bad=("a",))},
            "label: STATE is not a column of source visits",
        ),
    ],
)
def test_what_looks_ahead_or_at_nothing_is_refused_by_name(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        dated(**change)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"label": ProxyLabel(source="visits", on="ID", amount="SPENT")},
        {"as_of": AsOfEnd(days=30)},
        {"features": (Feature(name="AGE", title="days", expression="JOINED - INCOME"),)},
        {
            "label": MonthOnBookLabel(
                source="visits", on="ID", instalment="SPENT", month=6, due="SPENT", overdue="SPENT"
            )
        },
        {"split": OutOfTimeSplit()},
    ],
)
def test_what_looks_back_only_is_taken(change: dict[str, Any]) -> None:
    assert dated(**change).gold().histories == dated().gold().histories


def test_looked_up_columns_may_be_missing_and_are_the_sources_own() -> None:
    undated = VISITS.model_copy(update={"date": None, "key": ("ID",)})
    declared = dated(
        sources=(CLIENTS, undated),
        lookups=(Lookup(source="visits", on="ID"),),
        histories=(),
        features=(Feature(name="SPENT", title="spent"),),
    )
    assert sorted(declared.looked_up()) == ["RETURNED", "SEEN", "SHOP", "SPENT", "VISIT"]
    assert declared.inputs()[0].nullable()


@pytest.mark.parametrize(
    ("change", "kept", "groups"),
    [
        ({}, ("visits",), "sides"),
        ({"split": OutOfTimeSplit()}, ("visits",), "none"),
        ({"split": OutOfTimeSplit(), "entity": "INCOME"}, ("visits",), "folds"),
        ({"histories": (), "features": (Feature(name="INCOME", title=""),)}, (), "sides"),
    ],
)
def test_only_what_is_looked_into_later_is_kept_and_groups_follow_the_split(
    change: dict[str, Any], kept: tuple[str, ...], groups: str
) -> None:
    declared = dated(**change)
    assert (declared.ingest().kept, declared.train().groups) == (kept, groups)
