"""A scenario: one use case as data. Each task of a pipeline gets only its own slice of it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from components.contracts.base import ColumnName, Contract, Slug
from components.contracts.checks import check
from components.contracts.families import Training
from components.contracts.history import AsOf, History, Lookup
from components.contracts.modelling import Feature, Limits
from components.contracts.outcomes import GivenLabel, GroupedSplit, Label, OutOfTimeSplit, Split
from components.contracts.policy import Challenge, Economics, Gate, Points, Policy
from components.contracts.sources import Column, Kind, Merge, Source
from components.contracts.watching import (
    Monitoring,
    WatchSpec,
    months_needed,
    months_until_known,
)


class IngestSpec(Contract):
    """The slice of the ingest task."""

    scenario: Slug
    sources: tuple[Source, ...]
    merge: Merge
    #: Sources that are looked into after the merge: tables of silver beside the merged one.
    kept: tuple[Slug, ...]


class DecideSpec(Contract):
    """The slice of the decide task: whose rows, of when, and what comes of them. What they are
    scored on, the release says itself.
    """

    scenario: Slug
    key: ColumnName
    #: Whom a look-up asks for: the column that tells one from another.
    entity: ColumnName
    as_of: AsOf | None
    #: Source -> from when on its rows are known.
    dates: dict[Slug, ColumnName]
    label: Label


class FeaturesSpec(DecideSpec):
    """The slice of the features task. Row features are not in it: scoring evaluates them."""

    table: Slug  # of silver
    lookups: tuple[Lookup, ...]
    histories: tuple[History, ...]
    inputs: tuple[Column, ...]
    #: Columns kept beside the inputs for reports, never as model inputs.
    carried: tuple[ColumnName, ...]
    split: Split


class ExploreSpec(Contract):
    """The slice of the explore task."""

    scenario: Slug
    title: str
    #: What the label means.
    label: str
    key: ColumnName
    entity: ColumnName
    inputs: tuple[Column, ...]
    features: tuple[Feature, ...]
    protected: tuple[ColumnName, ...]
    segments: tuple[ColumnName, ...]


class TrainSpec(Contract):
    """The slice of the train task."""

    scenario: Slug
    #: What the label means.
    label: str
    inputs: tuple[Column, ...]
    features: tuple[Feature, ...]
    training: Training
    #: Whether rows have groups that are in one fold (`folds`), and also on one side (`sides`).
    groups: Literal["none", "folds", "sides"]
    points: Points
    most_reasons: int


class EvaluateSpec(Contract):
    """The slice of the evaluate task."""

    scenario: Slug
    title: str
    key: ColumnName
    entity: ColumnName
    protected: tuple[ColumnName, ...]
    segments: tuple[ColumnName, ...]
    cutoffs: tuple[float, ...]
    policy: Policy
    seed: int


class GateSpec(Contract):
    """The slice of the gate task."""

    scenario: Slug
    #: Features without a reason's text: a model may not use what it could not explain.
    silent: tuple[ColumnName, ...]
    gate: Gate


class ChallengeSpec(Contract):
    """The slice of the challenge task."""

    scenario: Slug
    key: ColumnName
    segments: tuple[ColumnName, ...]
    challenge: Challenge
    economics: Economics | None
    seed: int


class Scenario(Contract):
    """One use case, from raw tables to a cut-off. A sixth scenario is one more of these."""

    name: Slug
    title: str
    sources: tuple[Source, ...]
    merge: Merge
    #: Whom a look-up asks for; none: the key.
    entity: ColumnName | None = None
    #: From when on nothing is known of a row; none: its sources have no dates.
    as_of: AsOf | None = None
    lookups: tuple[Lookup, ...] = ()
    histories: tuple[History, ...] = ()
    label: Label
    split: Split
    features: tuple[Feature, ...]
    #: Columns that fairness is measured on; never features, never part of an expression.
    protected: tuple[ColumnName, ...] = ()
    #: Columns whose values are looked at apart: a challenger may be worse in none of them.
    segments: tuple[ColumnName, ...] = ()
    training: Training
    gate: Gate
    policy: Policy
    points: Points = Points()
    #: Reasons that an answer names at most.
    most_reasons: int = Field(default=4, ge=1, le=20)
    limits: Limits = Limits()
    monitoring: Monitoring = Monitoring()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        check(self)
        return self

    def source(self, name: str) -> Source:
        """The source of a name."""
        found = next((source for source in self.sources if source.name == name), None)
        if found is None:
            known = ", ".join(source.name for source in self.sources)
            raise ValueError(f"scenario {self.name}: source {name} is not declared; known: {known}")
        return found

    def own(self) -> dict[str, Column]:
        """The columns of what is scored, by name."""
        names = self.merge.sources or tuple(source.name for source in self.sources)
        return {
            column.name: column
            for name in names
            for column in self.source(name).clean_columns()
            if not self.merge.columns or column.name in self.merge.columns
        }

    def looked_up(self) -> dict[str, Column]:
        """The columns that look-ups add: a row may find nobody, so they may be missing."""
        return {
            column.name: column.model_copy(update={"max_missing": 1.0})
            for lookup in self.lookups
            for source in (self.source(lookup.source),)
            for column in source.clean_columns()
            if column.name not in {*source.key, lookup.on, source.date}
        }

    def figures(self) -> dict[str, Column]:
        """The columns that histories add."""
        return {
            figure.name: figure.column(source.column(figure.of or ""))
            for history in self.histories
            for source in (self.source(history.source),)
            for figure in history.figures
        }

    def columns(self) -> dict[str, Column]:
        """All that a feature, a segment or a report may be made of."""
        return {**self.own(), **self.looked_up(), **self.figures()}

    def outcome_columns(self) -> frozenset[str]:
        """Columns that are known only after the as-of, the label's own among them."""
        after = {name for name, column in self.columns().items() if column.after}
        return frozenset(
            {*after, self.label.column} if isinstance(self.label, GivenLabel) else after
        )

    def look_up_key(self) -> str:
        """The column that tells whom a look-up asks for."""
        return self.entity or self.merge.key

    def inputs(self) -> tuple[Column, ...]:
        """The columns that the features read, in the order of the sources."""
        used = frozenset[str]().union(*(feature.columns() for feature in self.features))
        return tuple(
            column
            for name, column in self.columns().items()
            if name in used and column.kind is not Kind.KEY
        )

    def _beside(self) -> tuple[str, ...]:
        """Columns that are needed beside the inputs, never as inputs."""
        by = self.split.by if isinstance(self.split, GroupedSplit) else ()
        return tuple(dict.fromkeys([*self.protected, *self.segments, *by]))

    def kept(self) -> tuple[str, ...]:
        """Sources that are looked into after the merge."""
        wanted = {lookup.source for lookup in self.lookups}
        wanted |= {history.source for history in self.histories}
        if not isinstance(self.label, GivenLabel):
            wanted.add(self.label.source)
        return tuple(source.name for source in self.sources if source.name in wanted)

    def _groups(self) -> Literal["none", "folds", "sides"]:
        if isinstance(self.split, GroupedSplit):
            return "sides"
        several = isinstance(self.split, OutOfTimeSplit) and self.look_up_key() != self.merge.key
        return "folds" if several else "none"

    def ingest(self) -> IngestSpec:
        return IngestSpec(
            scenario=self.name, sources=self.sources, merge=self.merge, kept=self.kept()
        )

    def decide(self) -> DecideSpec:
        return DecideSpec(
            scenario=self.name,
            key=self.merge.key,
            entity=self.look_up_key(),
            as_of=self.as_of,
            dates={source.name: source.date for source in self.sources if source.date},
            label=self.label,
        )

    def gold(self) -> FeaturesSpec:
        inputs = self.inputs()
        own = {*(column.name for column in inputs), self.merge.key, self.look_up_key()}
        return FeaturesSpec(
            **dict(self.decide()),
            table=self.merge.table,
            lookups=self.lookups,
            histories=self.histories,
            inputs=inputs,
            carried=tuple(name for name in self._beside() if name not in own),
            split=self.split,
        )

    def explore(self) -> ExploreSpec:
        return ExploreSpec(
            scenario=self.name,
            title=self.title,
            label=self.label.title(),
            key=self.merge.key,
            entity=self.look_up_key(),
            inputs=self.inputs(),
            # What a client is told is not looked at.
            features=tuple(f.model_copy(update={"reason": None}) for f in self.features),
            protected=self.protected,
            segments=self.segments,
        )

    def train(self) -> TrainSpec:
        return TrainSpec(
            scenario=self.name,
            label=self.label.title(),
            inputs=self.inputs(),
            features=self.features,
            training=self.training,
            groups=self._groups(),
            points=self.points,
            most_reasons=self.most_reasons,
        )

    def evaluate(self) -> EvaluateSpec:
        return EvaluateSpec(
            scenario=self.name,
            title=self.title,
            key=self.merge.key,
            entity=self.look_up_key(),
            protected=self.protected,
            segments=self.segments,
            cutoffs=tuple(sorted({0.5, *self.gate.cutoffs()})),
            policy=self.policy,
            seed=self.training.seed,
        )

    def judge(self) -> GateSpec:
        return GateSpec(
            scenario=self.name,
            silent=tuple(f.name for f in self.features if f.reason is None),
            # How a challenge is fought is not the gate's affair: its judgement is kept.
            gate=Gate(rules=self.gate.rules),
        )

    def challenge(self) -> ChallengeSpec:
        return ChallengeSpec(
            scenario=self.name,
            key=self.merge.key,
            segments=self.segments,
            challenge=self.gate.challenge,
            economics=self.policy.economics,
            seed=self.training.seed,
        )

    def watch(self) -> WatchSpec:
        declared = self.monitoring.mature_months
        return WatchSpec(
            scenario=self.name,
            title=self.title,
            segments=self.segments,
            mature_months=months_until_known(self.label) if declared is None else declared,
            retrain_after=self.monitoring.retrain_after,
            retrain_on_drift=self.monitoring.retrain_on_drift,
            history_months=months_needed(self.split),
            least_rows=self.monitoring.least_rows,
            least_of_class=self.monitoring.least_of_class,
            seed=self.training.seed,
        )
