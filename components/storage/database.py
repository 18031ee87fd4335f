"""The SQL tables: promotions (the truth about champions) and evaluations (the audit).

Both are append-only. A promotion's number is unique within its scenario, so that the row is
audit, lock and pointer in one: of two promotions at once, one gets the number.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    make_url,
    select,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from components.contracts.errors import EnvironmentFaultError, PromotionConflictError

_TRIES = 5
_METADATA = MetaData()
_PROMOTIONS = Table(
    "promotions",
    _METADATA,
    Column("scenario", String(40), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("release", String(64), nullable=False),
    Column("run", String(80), nullable=False),
    Column("who", String(200), nullable=False),
    Column("why", String(2000), nullable=False),
    Column("figures", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
_EVALUATIONS = Table(
    "evaluations",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("scenario", String(40), nullable=False),
    Column("evaluation", String(64), nullable=False),
    Column("run", String(80), nullable=False),
    Column("passed", Integer, nullable=False),
    Column("decision", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("scenario", "evaluation"),
)


@dataclass(frozen=True)
class Promotion:
    """One row of the promotions table."""

    scenario: str
    number: int
    release: str
    run: str
    who: str
    why: str
    figures: Mapping[str, object]
    at: datetime


class Database:
    """The tables at one SQLAlchemy URL, made at first use."""

    def __init__(self, url: str) -> None:
        self.url = url
        with self._named():
            self._engine = _engine(url)
            self._make_tables()

    def _make_tables(self) -> None:
        for patience in range(_TRIES, 0, -1):
            try:
                with self._engine.begin() as connection:
                    for table in _METADATA.sorted_tables:
                        connection.execute(CreateTable(table, if_not_exists=True))
            except DBAPIError:
                if patience == 1:
                    raise
                time.sleep(0.1)  # somebody makes them at this moment, or this fails again
            else:
                return

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            cause = str(error.__cause__ or error).splitlines()[0]
            raise EnvironmentFaultError(f"database {_shown(self.url)}: {cause}") from error
        except ModuleNotFoundError as error:
            raise EnvironmentFaultError(
                f"database {_shown(self.url)}: expected the Python driver {error.name}, found none"
            ) from error

    def promotions(self, scenario: str) -> list[Promotion]:
        """Every promotion of a scenario, in the order of their numbers; the last one stands."""
        query = (
            select(_PROMOTIONS)
            .where(_PROMOTIONS.c.scenario == scenario)
            .order_by(_PROMOTIONS.c.number)
        )
        with self._named(), self._engine.connect() as connection:
            return [Promotion(**row) for row in connection.execute(query).mappings()]

    def champion(self, scenario: str) -> Promotion | None:
        """The promotion that stands."""
        promotions = self.promotions(scenario)
        return promotions[-1] if promotions else None

    def promote(
        self,
        scenario: str,
        release: str,
        *,
        after: int,
        run: str,
        who: str,
        why: str,
        figures: Mapping[str, object],
    ) -> Promotion:
        """Append promotion `after + 1`. Raises PromotionConflictError where somebody was faster."""
        row = Promotion(
            scenario, after + 1, release, run, who, why, dict(figures), datetime.now(UTC)
        )
        try:
            with self._named(), self._engine.begin() as connection:
                connection.execute(insert(_PROMOTIONS).values(**vars(row)))
        except IntegrityError:
            winner = self.champion(scenario)
            found = f"{winner.release[:12]} by {winner.who}" if winner else "none"
            raise PromotionConflictError(
                f"{scenario}: expected promotion number {after + 1} to be free, "
                f"found it taken; the champion is {found}"
            ) from None
        return row

    def record_evaluation(
        self, scenario: str, evaluation: str, *, run: str, decision: Mapping[str, object]
    ) -> None:
        """Append a decision (a gate's, a challenge's) to the audit; each is recorded once."""
        values = {
            "scenario": scenario,
            "evaluation": evaluation,
            "run": run,
            "passed": int(bool(decision["passed"])),
            "decision": dict(decision),
            "at": datetime.now(UTC),
        }
        try:
            with self._named(), self._engine.begin() as connection:
                connection.execute(insert(_EVALUATIONS).values(**values))
        except IntegrityError:
            return

    def evaluations(self, scenario: str) -> list[Mapping[str, object]]:
        """The audit of a scenario, oldest first."""
        query = (
            select(_EVALUATIONS)
            .where(_EVALUATIONS.c.scenario == scenario)
            .order_by(_EVALUATIONS.c.id)
        )
        with self._named(), self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def _shown(url: str) -> str:
    """A URL to print: never with a password, wherever it stands."""
    try:
        parts = make_url(url)
    except ArgumentError:
        return "that is no SQLAlchemy URL"
    host = (parts.host or "").split("@")[-1]
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.drivername}://{host}{port}/{parts.database or ''}"


def _engine(url: str) -> Engine:
    # A connection a question: a task asks seldom, and a server's connections are few.
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _wait_for_writers(connection: object, _: object) -> None:
            # Two promotions at once wait for each other instead of failing as "locked".
            connection.execute("PRAGMA busy_timeout = 10000")  # type: ignore[attr-defined]

    return engine
