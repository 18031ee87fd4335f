"""The base of every declared model: frozen, no unknown keys."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)


class Contract(BaseModel):
    """A value that is checked once and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    def brief(self) -> str:
        """As JSON, without what is by default anyway: a task is handed its slice as one argument
        of a command, which has 128 kB.
        """
        return self.model_dump_json(exclude_defaults=True)

    @model_serializer(mode="wrap")
    def _with_kind(
        self, serialize: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        found: dict[str, Any] = serialize(self)
        # What tells one alternative from another is its default, and has to be said all the same.
        kind = getattr(self, "kind", None)
        return {**found, "kind": kind} if info.exclude_defaults and kind else found


#: `card-default`: names a scenario in files, models and URLs.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
#: A column after normalisation: `LIMIT_BAL`.
ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80)]
#: A share of rows, 0 to 1.
Share = Annotated[float, Field(ge=0, le=1)]
