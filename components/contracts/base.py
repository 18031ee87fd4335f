"""The base of every declared model: frozen, no unknown keys."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Contract(BaseModel):
    """A value that is checked once and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


#: `card-default`: names a scenario in files, models and URLs.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
#: A column after normalisation: `LIMIT_BAL`.
ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80)]
#: A share of rows, 0 to 1.
Share = Annotated[float, Field(ge=0, le=1)]
