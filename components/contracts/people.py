"""Whose rows an evaluation is about: persons on the sides of a split, clusters of a proxy label."""

from components.contracts.base import Contract


class Period(Contract):
    """The rows of one side of a split over time."""

    first: str  # months, as in 2024-08
    last: str
    rows: int
    persons: int


class Persons(Contract):
    """Who and when: development (train and validation) against test."""

    #: The column that tells one person from another.
    entity: str
    development: Period
    test: Period
    #: Persons on both sides, and the test rows that are theirs.
    both: int
    rows_of_both: int


class Cluster(Contract):
    """A cluster of persons that a proxy label is made of; its centre in units of the data."""

    cluster: int
    rows: int
    recency: float
    frequency: float
    monetary: float
    #: How little engaged its centre is: recency less frequency less monetary value, each in
    #: deviations from the mean. None in what was told before this was.
    distance: float | None = None
    #: Whether it is the least engaged one, whose persons count as bad.
    at_risk: bool
