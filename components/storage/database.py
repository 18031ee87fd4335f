"""The SQL tables: promotions (the truth about champions), which of them came up, and the audit.

All are append-only. A promotion's number is unique within its scenario, so that the row is
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
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.engine import Connection, Engine
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
    Column("ground", String(20)),  # null: the row is older than this column
)
_DEPLOYMENTS = Table(
    "deployments",
    _METADATA,
    Column("scenario", String(40), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("run", String(80), nullable=False),
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

#: The grounds of promotions, as people read them; that of a failure is in its words.
_GROUNDS = {
    "first": "first champion",
    "won": "won the challenge",
    "alike": "without a comparison",
    "rollback": "rolled back",
    "explicit": "by a person's decision",
}


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
    #: Why it could be made: first, won, alike, rollback, failed, explicit. None: an older row.
    ground: str | None = None
    #: Whether its release was seen to serve.
    came_up: bool = False

    @property
    def reason(self) -> str:
        """Why its release became champion, for people: the ground, and what was said of it."""
        ground = _GROUNDS.get(self.ground or "", "")
        return ": ".join(part for part in (ground, self.why) if part)


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
                    _add_ground(connection)
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
        both = (_DEPLOYMENTS.c.scenario == _PROMOTIONS.c.scenario) & (
            _DEPLOYMENTS.c.number == _PROMOTIONS.c.number
        )
        query = (
            select(_PROMOTIONS, _DEPLOYMENTS.c.number.is_not(None).label("came_up"))
            .outerjoin(_DEPLOYMENTS, both)
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
        ground: str | None = None,
    ) -> Promotion:
        """Append promotion `after + 1`. Raises PromotionConflictError where somebody was faster."""
        row = Promotion(
            scenario, after + 1, release, run, who, why, dict(figures), datetime.now(UTC), ground
        )
        values = {name: value for name, value in vars(row).items() if name != "came_up"}
        try:
            with self._named(), self._engine.begin() as connection:
                connection.execute(insert(_PROMOTIONS).values(**values))
        except IntegrityError:
            winner = self.champion(scenario)
            found = f"{winner.release[:12]} by {winner.who}" if winner else "none"
            raise PromotionConflictError(
                f"{scenario}: expected promotion number {after + 1} to be free, "
                f"found it taken; the champion is {found}"
            ) from None
        return row

    def note_came_up(self, scenario: str, number: int, *, run: str) -> None:
        """Note that the release of a promotion serves; the first note stands."""
        values = {"scenario": scenario, "number": number, "run": run, "at": datetime.now(UTC)}
        self._append_once(_DEPLOYMENTS, values)

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
        self._append_once(_EVALUATIONS, values)

    def _append_once(self, table: Table, values: Mapping[str, object]) -> None:
        try:
            with self._named(), self._engine.begin() as connection:
                connection.execute(insert(table).values(**values))
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


def _add_ground(connection: Connection) -> None:
    """Give a promotions table of before the column `ground`; its rows keep null there."""
    columns = inspect(connection).get_columns(_PROMOTIONS.name)
    if "ground" not in {column["name"] for column in columns}:
        connection.execute(text("ALTER TABLE promotions ADD COLUMN ground VARCHAR(20)"))


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
