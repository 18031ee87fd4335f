"""A number that Prometheus is told."""

from typing import Annotated

from pydantic import Field, StringConstraints

from components.contracts.base import Contract


class Gauge(Contract):
    """One number. The end of its name is its unit; gauges of one name have the same labels."""

    name: Annotated[str, StringConstraints(pattern=r"^vintage_[a-z_]+$")]
    help: str
    labels: dict[str, str]
    #: What is not known is no gauge, rather than NaN: an alert rule would never be true of it.
    value: Annotated[float, Field(allow_inf_nan=False)]
