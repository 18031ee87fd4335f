"""Whether the parts of a scenario fit together: names that are known, and no look ahead."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from components.contracts.history import OF_ANY, AsOfColumn, Figure, History, Lookup
from components.contracts.outcomes import (
    GivenLabel,
    GroupedSplit,
    MonthOnBookLabel,
    OutOfTimeSplit,
    ProxyLabel,
    StatusLabel,
)
from components.contracts.policy import FAIRNESS_METRICS
from components.contracts.sources import NUMERIC, TEMPORAL, Column, Kind, Source

if TYPE_CHECKING:
    from components.contracts.modelling import Feature
    from components.contracts.scenario import Scenario


def check(scenario: "Scenario") -> None:
    """Raise ValueError, naming the scenario and the part, where something does not fit."""
    for fault in _faults(scenario):
        raise ValueError(f"scenario {scenario.name}: {fault}")


def _faults(scenario: "Scenario") -> Iterable[str]:
    yield from _merge_faults(scenario)
    yield from _history_faults(scenario)
    yield from _label_faults(scenario)
    yield from _name_faults(scenario)
    yield from _feature_faults(scenario)
    yield from _leaks(scenario)


def _merge_faults(scenario: "Scenario") -> Iterable[str]:
    merge, names = scenario.merge, [source.name for source in scenario.sources]
    if len(set(names)) != len(names):
        yield f"a source is declared twice in {names}"
    if merge.table in scenario.kept() and not _is_one_source(scenario):
        yield (
            f"the merged table has the name of source {merge.table}, expected one of its own: "
            "they hold other rows"
        )
    seen: dict[str, str] = {}
    for source in (scenario.source(name) for name in merge.sources or names):
        if merge.key not in source.key and not merge.columns:
            yield f"expected {merge.key} in the key of source {source.name}, found {source.key}"
        declared = [column.name for column in source.clean_columns()]
        if unknown := sorted({*merge.columns} - {*declared}):
            yield f"merge {merge.table}: {unknown} are not in source {source.name}"
        for name in declared:
            if name in seen and name != merge.key:
                yield f"column {name} is in source {seen[name]} and in {source.name}"
            seen[name] = source.name


def _is_one_source(scenario: "Scenario") -> bool:
    """Whether the merged table is a source as it is."""
    merge = scenario.merge
    return merge.sources == (merge.table,) and not merge.columns and not merge.drop_identical


def _history_faults(scenario: "Scenario") -> Iterable[str]:
    own, never = scenario.own(), _never_features(scenario)
    if isinstance(scenario.as_of, AsOfColumn):
        column = own.get(scenario.as_of.column)
        if column is None or column.kind not in TEMPORAL:
            dates = sorted(name for name, c in own.items() if c.kind in TEMPORAL)
            yield f"as-of {scenario.as_of.column}: expected one of its dates {dates}"
    parts: tuple[Lookup | History, ...] = (*scenario.lookups, *scenario.histories)
    for part in parts:
        source = scenario.source(part.source)
        for where, columns in ((scenario.merge.table, own), (source.name, _by_name(source))):
            if part.on not in columns:
                yield f"{part.on} is not a column of {where}"
        if source.date and scenario.as_of is None:
            yield f"source {source.name} has dates: expected an as-of, found none"
    for history in scenario.histories:
        source = scenario.source(history.source)
        if source.date is None:
            yield f"history of {source.name}: expected a source with a date, found none"
        on = source.column(history.on)
        if source.name == scenario.merge.table and on is not None and on.nullable():
            yield (
                f"history of {source.name}: {history.on} may be missing, and rows without one "
                "would be one's; expected a column that never is"
            )
        for figure in history.figures:
            yield from _figure_faults(source, figure, never)
    for lookup in scenario.lookups:
        source = scenario.source(lookup.source)
        if source.date is None and source.key != (lookup.on,):
            yield (
                f"look-up of {source.name}: without a date it takes the only row of each "
                f"{lookup.on}; expected that as its key, found {source.key}"
            )


def _same_cells(scenario: "Scenario", names: Iterable[str]) -> frozenset[str]:
    """These columns, and those that are made of the same cells of a file."""
    wanted = frozenset(names)
    found = set(wanted)
    for source in scenario.sources:
        taken = {column.cell() for column in source.columns if column.name in wanted}
        found |= {column.name for column in source.columns if column.cell() in taken}
    return frozenset(found)


def _never_features(scenario: "Scenario") -> dict[str, str]:
    """The columns that no feature may read, and why; those made of the same cells among them."""
    found = dict.fromkeys(scenario.protected, "protected")
    if isinstance(scenario.label, GivenLabel):
        found[scenario.label.column] = "the label"
    for name, why in list(found.items()):
        for same in _same_cells(scenario, [name]):
            found.setdefault(same, f"made of the cells of {name}, {why}")
    return found


def _figure_faults(source: Source, figure: Figure, never: Mapping[str, str]) -> Iterable[str]:
    if figure.of is None:
        return
    column = source.column(figure.of)
    if column is None or column.private:
        yield f"figure {figure.name}: {figure.of} is not a column of {source.name}"
    elif figure.how not in OF_ANY and column.kind not in NUMERIC:
        yield f"figure {figure.name}: {figure.how} is of numbers, {figure.of} is a {column.kind}"
    elif figure.how == "last" and column.kind not in {*NUMERIC, Kind.CATEGORY}:
        yield f"figure {figure.name}: last is of numbers and categories, not of a {column.kind}"
    elif figure.of in never:
        yield f"figure {figure.name} reads {figure.of} ({never[figure.of]}): no figure may"
    elif figure.how == "share" and column.values and figure.value not in column.values:
        yield (
            f"figure {figure.name}: expected a share of one of {list(column.values)}, found "
            f"{figure.value!r}"
        )
    elif any(c.after for c in source.columns if c.cell() == column.cell()):
        yield f"figure {figure.name} reads {figure.of}, which is known only after its row's date"


def _label_faults(scenario: "Scenario") -> Iterable[str]:
    label, own = scenario.label, scenario.own()
    if isinstance(label, GivenLabel):
        if label.mature_days and scenario.as_of is None:
            yield f"label {label.column} matures after days: expected an as-of to count them from"
        return
    source = scenario.source(label.source)
    wanted = {
        StatusLabel: ("on", "column"),
        MonthOnBookLabel: ("on", "instalment", "due", "overdue"),
        ProxyLabel: ("on", "amount"),
    }[type(label)]
    for name in (getattr(label, field) for field in wanted):
        if name not in _by_name(source):
            yield f"label: {name} is not a column of source {source.name}"
    if label.on not in own:
        yield f"label: {label.on} is not a column of {scenario.merge.table}"
    if isinstance(label, ProxyLabel) and (source.date is None or scenario.as_of is None):
        yield f"label: a proxy needs an as-of, and a date in source {source.name}"
    if isinstance(label, ProxyLabel) and not isinstance(scenario.split, GroupedSplit):
        yield (
            "label: a proxy is learned on one side of a split that is set before it; expected a "
            f"grouped one, found {scenario.split.kind}"
        )
    codes = source.column(label.column) if isinstance(label, StatusLabel) else None
    known = codes.values if codes is not None else ()
    if isinstance(label, StatusLabel) and known and (unknown := {*label.bad} - {*known}):
        found, expected = sorted(unknown), list(known)
        yield f"label: {found} are no values of {label.column}, expected some of {expected}"


def _name_faults(scenario: "Scenario") -> Iterable[str]:
    groups = {
        "the merged table": scenario.own(),
        "look-ups": scenario.looked_up(),
        "histories": scenario.figures(),
    }
    seen: dict[str, str] = {}
    for where, columns in groups.items():
        for name in columns:
            if name in seen:
                yield f"column {name} is of {seen[name]} and of {where}"
            seen[name] = where
    by = scenario.split.by if isinstance(scenario.split, GroupedSplit) else ()
    if isinstance(scenario.split, OutOfTimeSplit) and scenario.as_of is None:
        yield "an out-of-time split needs an as-of"
    label = [scenario.label.column] if isinstance(scenario.label, GivenLabel) else []
    entity = [scenario.entity] if scenario.entity else []
    for needed in (*label, scenario.merge.key, *scenario.protected, *scenario.segments, *by):
        if needed not in seen:
            yield f"{needed} is in no source"
    for needed in entity:
        if needed not in scenario.own():
            yield f"entity {needed} is not a column of {scenario.merge.table}"
    fairness = sorted({r.metric for r in scenario.gate.rules} & FAIRNESS_METRICS)
    if fairness and not scenario.protected:
        yield (
            f"the gate's {fairness} are about protected columns; expected some declared, found none"
        )


def _feature_faults(scenario: "Scenario") -> Iterable[str]:
    names = [feature.name for feature in scenario.features]
    if len(set(names)) != len(names):
        yield f"a feature is declared twice in {names}"
    columns, never = scenario.columns(), _never_features(scenario)
    for feature in scenario.features:
        yield from _one_feature(scenario, feature, columns, never)
    codes = [feature.reason.code for feature in scenario.features if feature.reason]
    if len(set(codes)) != len(codes):
        yield f"a reason's code is declared twice in {codes}"


def _one_feature(
    scenario: "Scenario",
    feature: "Feature",
    columns: Mapping[str, Column],
    never: Mapping[str, str],
) -> Iterable[str]:
    used = feature.columns()
    kinds = {name: columns[name].kind for name in used & set(columns)}
    categories = sorted(name for name, kind in kinds.items() if kind is Kind.CATEGORY)
    plain = feature.expression is None
    # No column of the row, but of a source: it is declared, and comes too late.
    elsewhere = {c.name for source in scenario.sources for c in source.columns if c.after}
    if late := sorted((used - set(columns)) & elsewhere):
        yield f"feature {feature.name} reads {late}, known only after the as-of"
    if unknown := sorted(used - set(columns)):
        yield (
            f"feature {feature.name} reads {unknown}, which no source declares; "
            f"known: {sorted(columns)}"
        )
    keys = {scenario.merge.key, *(name for name, kind in kinds.items() if kind is Kind.KEY)}
    never = {**dict.fromkeys(keys, "a key"), **never}
    if forbidden := [f"{name} ({never[name]})" for name in sorted(used & set(never))]:
        yield f"feature {feature.name} reads {', '.join(forbidden)}: no feature may"
    if plain and categories and (feature.monotone or feature.special):
        yield f"feature {feature.name} is a category; monotone and special are for numbers"
    if texts := sorted(name for name, kind in kinds.items() if kind is Kind.TEXT):
        yield f"feature {feature.name} reads {texts}, which are texts: no model reads them"
    moments = sorted(name for name, kind in kinds.items() if kind is Kind.MOMENT)
    dates = sorted(name for name, kind in kinds.items() if kind is Kind.DATE)
    if moments or (plain and dates):
        yield (
            f"feature {feature.name} is {(moments or dates)[0]}: expected an expression over "
            "dates (the days between two), or a part of it as a column"
        )


def _leaks(scenario: "Scenario") -> Iterable[str]:
    """What would let a feature see the outcome."""
    after = _same_cells(scenario, scenario.outcome_columns())
    for feature in scenario.features:
        if late := sorted(feature.columns() & after):
            yield f"feature {feature.name} reads {late}, known only after the as-of"
    label = scenario.label
    if isinstance(label, StatusLabel | ProxyLabel):
        looked = isinstance(label, StatusLabel) or label.start < 0
        own = [history for history in scenario.histories if history.source == label.source]
        figures = [figure.name for history in own for figure in history.figures]
        taken = [lookup.source for lookup in scenario.lookups if lookup.source == label.source]
        if looked and (found := [*figures, *taken]):
            yield (
                f"circular: {', '.join(found[:5])} come from rows of {label.source} that the "
                "label is made of too; expected the label's window to begin where theirs ends"
            )


def _by_name(source: Source) -> frozenset[str]:
    return frozenset(column.name for column in source.clean_columns())
