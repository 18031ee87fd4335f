"""A scenario: one use case as data. Each task of a pipeline gets only its own slice of it."""

from typing import Self

from pydantic import Field, model_validator

from components.contracts.base import ColumnName, Contract, Slug
from components.contracts.families import Training
from components.contracts.modelling import Feature, Label, Limits, Split
from components.contracts.policy import (
    FAIRNESS_METRICS,
    Challenge,
    Economics,
    Gate,
    Points,
    Policy,
)
from components.contracts.sources import Column, Kind, Merge, Source


class IngestSpec(Contract):
    """The slice of the ingest task."""

    scenario: Slug
    sources: tuple[Source, ...]
    merge: Merge


class FeaturesSpec(Contract):
    """The slice of the features task. Row features are not in it: scoring evaluates them."""

    scenario: Slug
    table: Slug  # of silver
    key: ColumnName
    inputs: tuple[Column, ...]
    #: Columns kept beside the inputs for reports, never as model inputs.
    carried: tuple[ColumnName, ...]
    label: Label
    split: Split


class TrainSpec(Contract):
    """The slice of the train task."""

    scenario: Slug
    inputs: tuple[Column, ...]
    features: tuple[Feature, ...]
    training: Training
    points: Points
    most_reasons: int


class EvaluateSpec(Contract):
    """The slice of the evaluate task."""

    scenario: Slug
    title: str
    key: ColumnName
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

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        columns = self._columns()
        categories = {name for name, c in columns.items() if c.kind is Kind.CATEGORY}
        self._check_sources()
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError(f"scenario {self.name}: a feature is declared twice in {names}")
        for feature in self.features:
            used = feature.columns()
            if unknown := sorted(used - set(columns)):
                raise ValueError(
                    f"scenario {self.name}: feature {feature.name} reads {unknown}, "
                    f"which no source declares; known: {sorted(columns)}"
                )
            if forbidden := sorted(used & {*self.protected, self.label.column, self.merge.key}):
                raise ValueError(
                    f"scenario {self.name}: feature {feature.name} reads {forbidden}; "
                    "protected columns, the label and the key are never features"
                )
            if feature.expression is not None and (texts := sorted(used & categories)):
                raise ValueError(
                    f"scenario {self.name}: feature {feature.name} computes with {texts}, "
                    "which are categories, not numbers"
                )
            if (
                feature.name in categories
                and feature.expression is None
                and (feature.monotone or feature.special)
            ):
                raise ValueError(
                    f"scenario {self.name}: feature {feature.name} is a category; monotone and "
                    "special are for numbers"
                )
        fairness = sorted({r.metric for r in self.gate.rules} & FAIRNESS_METRICS)
        if fairness and not self.protected:
            raise ValueError(
                f"scenario {self.name}: the gate's {fairness} are about protected columns; "
                "expected some declared, found none"
            )
        codes = [feature.reason.code for feature in self.features if feature.reason]
        if len(set(codes)) != len(codes):
            raise ValueError(f"scenario {self.name}: a reason's code is declared twice in {codes}")
        for needed in (self.label.column, self.merge.key, *self._beside()):
            if needed not in columns:
                raise ValueError(f"scenario {self.name}: {needed} is in no source")
        return self

    def _check_sources(self) -> None:
        seen: dict[str, str] = {}
        for source in self.sources:
            if self.merge.key not in source.key:
                raise ValueError(
                    f"scenario {self.name}: expected {self.merge.key} in the key of source "
                    f"{source.name}, found {source.key}"
                )
            for column in source.columns:
                if column.name in seen and column.name != self.merge.key:
                    raise ValueError(
                        f"scenario {self.name}: column {column.name} is in source "
                        f"{seen[column.name]} and in {source.name}"
                    )
                seen[column.name] = source.name

    def _beside(self) -> tuple[str, ...]:
        """Columns that are needed beside the inputs, never as inputs."""
        group = self.training.search.group
        return tuple(dict.fromkeys([*self.protected, *self.segments, *([group] if group else [])]))

    def _columns(self) -> dict[str, Column]:
        return {column.name: column for source in self.sources for column in source.columns}

    def inputs(self) -> tuple[Column, ...]:
        """The columns that the features read, in the order of the sources."""
        used = frozenset[str]().union(*(feature.columns() for feature in self.features))
        return tuple(
            column
            for name, column in self._columns().items()
            if name in used and column.kind is not Kind.KEY
        )

    def ingest(self) -> IngestSpec:
        return IngestSpec(scenario=self.name, sources=self.sources, merge=self.merge)

    def gold(self) -> FeaturesSpec:
        inputs = self.inputs()
        return FeaturesSpec(
            scenario=self.name,
            table=self.merge.table,
            key=self.merge.key,
            inputs=inputs,
            carried=tuple(
                n for n in self._beside() if n not in {*(c.name for c in inputs), self.merge.key}
            ),
            label=self.label,
            split=self.split,
        )

    def train(self) -> TrainSpec:
        return TrainSpec(
            scenario=self.name,
            inputs=self.inputs(),
            features=self.features,
            training=self.training,
            points=self.points,
            most_reasons=self.most_reasons,
        )

    def evaluate(self) -> EvaluateSpec:
        return EvaluateSpec(
            scenario=self.name,
            title=self.title,
            key=self.merge.key,
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
