"""A logged decision is made anew: equal to the bit, or every difference has a name."""

import json
import shutil
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from components.deployment import replay as finding
from components.deployment.step import decisions_folder
from components.scoring.decisions import Record
from components.scoring.release import Release
from components.scoring.scorer import Scorer
from components.storage.objects import Store
from components.storage.registry import release_key
from components.storage.steps import installation
from pipelines.cli import main
from serving import scoring
from serving.decision_log import DecisionLog
from serving.models import Served
from serving.shipping import Shipper
from tests.making import Models
from tests.serving.deciding import SCENARIO, asked, closed, ids_of, records_of, still_open


@dataclass
class Logged:
    """An installation that wrote decisions down."""

    store: Store
    folder: Path
    log: DecisionLog
    ids: list[str]

    def ship(self) -> None:
        """End the server: nothing is left here."""
        with self.log:
            pass
        assert Shipper(self.folder, lambda: self.store).ship()
        assert not closed(self.folder) and not still_open(self.folder)

    @property
    def path(self) -> Path:
        """The one segment."""
        (path,) = still_open(self.folder)
        return path

    def tamper(self, **values: object) -> None:
        """Change what was logged of the last request."""
        *lines, last = self.path.read_bytes().splitlines()
        changed = json.dumps({**json.loads(last), **values}, separators=(",", ":")).encode()
        self.path.write_bytes(b"\n".join([*lines, changed]) + b"\n")

    def record(self) -> Record:
        """What is logged of the last request."""
        return records_of([self.path])[-1]


def _registered(store: Store, models: Models, family: str, below: float) -> Scorer:
    folder = models.release(family, store.scratch(), below)
    identity = Release.read(folder).id
    entry = store.publish(release_key(SCENARIO, identity), folder, {"release": identity})
    return Scorer(store.local(entry))


@pytest.fixture
def log(models: Models, home: Path) -> Callable[[float | None], Logged]:
    """An installation with three requests in its log, of four rows each; perhaps a challenger."""

    def go(share: float | None) -> Logged:
        _, store = installation()
        assert store.uri.startswith(str(home))
        served = Served(SCENARIO, _registered(store, models, "xgboost", 0.3))
        if share is not None:
            beside = _registered(store, models, "logistic", 0.4)
            served = Served(SCENARIO, served.champion, beside, share)
        store.put(f"deployments/{SCENARIO}", served.champion.id)
        rows = np.array_split(models.data.inputs[:12], 3)
        questions = [asked(served, one, ["a", "b", None, "d"]) for one in rows]
        log = DecisionLog(decisions_folder())
        log.write(questions, scoring.answers(questions))
        return Logged(store, decisions_folder(), log, [question.id for question in questions])

    return go


def _replay(identity: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(["replay", identity])
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.mark.parametrize("share", [None, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("shipped", [False, True])
def test_every_decision_comes_out_as_it_was_logged(
    log: Callable[[float | None], Logged],
    capsys: pytest.CaptureFixture[str],
    share: float | None,
    shipped: bool,
) -> None:
    made = log(share)
    records = records_of([made.path])
    if shipped:
        made.ship()
    for record in records:
        for row in range(4):
            status, said = _replay(record.decision(row), capsys)
            assert status == 0 and said.endswith("equal to the bit\n"), said
            assert repr(float(record.pd[row])) in said
            beside = record.challenged is not None and record.challenged[row]
            assert f"the {'challenger' if beside else 'champion'}" in said
            assert ("other pd" in said) == (share is not None)


def test_the_page_says_what_was_decided_on_and_where_it_is_written(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(None)
    record = made.record()
    _, said = _replay(record.decision(1), capsys)
    income, visits, _, amount = record.inputs[1].tolist()
    for line in (
        f"decision {record.decision(1)} of {SCENARIO}",
        "entity   b",
        f"logged   in {made.path}",
        f"input INCOME = {None if np.isnan(income) else income!r}",
        f"input VISITS = {visits!r}",
        f"feature AMOUNT = {amount!r}",
    ):
        assert f"{line}\n" in said
    assert "entity   not said\n" in _replay(record.decision(2), capsys)[1]


@pytest.mark.parametrize(
    ("key", "named"),
    [("pd", "pd"), ("points", "points"), ("approved", "decision"), ("reasons", "reasons")],
)
def test_what_was_tampered_with_is_named(
    log: Callable[[float | None], Logged],
    capsys: pytest.CaptureFixture[str],
    key: str,
    named: str,
) -> None:
    made = log(None)
    record = made.record()
    others = {
        "pd": [float(np.nextafter(pd, 2.0)) for pd in record.pd],  # the last bit of each
        "points": (record.points + 1).tolist(),
        "approved": (~record.approved).tolist(),
        "reasons": [["XXX"]] * 4,
    }
    made.tamper(**{key: others[key]})
    status, said = _replay(record.decision(3), capsys)
    assert (status, said.splitlines()[-1]) == (1, f"differ: {named}")
    (line,) = [line for line in said.splitlines() if line.endswith("differs")]
    assert line.startswith(named)
    assert _replay(f"{made.ids[0]}-3", capsys)[0] == 0  # the others are as they were


def test_an_input_that_was_tampered_with_makes_another_score(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(0.5)
    record = made.record()
    inputs = record.inputs.copy()
    inputs[:, 3] += 60.0
    made.tamper(inputs=b64encode(inputs.tobytes()).decode())
    status, said = _replay(record.decision(0), capsys)
    assert status == 1
    assert said.splitlines()[-1].startswith("differ: pd, points") and "other pd" in said


def test_a_pd_of_the_release_that_did_not_answer_is_held_to_it_too(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(0.0)
    record = made.record()
    made.tamper(other=record.pd.tolist())
    assert _replay(record.decision(0), capsys)[1].endswith("differ: other pd\n")


def test_a_decision_of_a_former_champion_is_made_by_its_own_release(
    log: Callable[[float | None], Logged], models: Models, capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(None)
    later = _registered(made.store, models, "scorecard", 0.5)
    made.store.put(f"deployments/{SCENARIO}", later.id)
    status, said = _replay(f"{made.ids[0]}-0", capsys)
    assert status == 0 and later.id[:12] not in said


def test_a_segment_whose_last_line_was_cut_still_has_the_others(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(None)
    data = made.path.read_bytes()
    made.path.write_bytes(data[:-20])
    assert _replay(f"{made.ids[1]}-0", capsys)[0] == 0
    status, said = _replay(f"{made.ids[2]}-0", capsys)
    assert status == 1 and "found none" in said


def test_a_segment_that_is_closed_while_it_is_looked_for_is_found(
    log: Callable[[float | None], Logged],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = log(None)
    local, looks = finding._local, iter([True])
    # At the first look it has its old name no more; in the store it is not yet.
    monkeypatch.setattr(
        finding, "_local", lambda folder: iter(()) if next(looks, False) else local(folder)
    )
    assert _replay(f"{made.ids[0]}-0", capsys)[0] == 0


@pytest.mark.parametrize(
    ("identity", "found"),
    [
        ("17", "decision '17': expected an id as an answer has it"),
        ("0" * 30 + "-0", "expected its record in .*decisions, of small-loans, found none"),
    ],
)
def test_an_id_that_nothing_is_logged_of_is_told(
    log: Callable[[float | None], Logged],
    capsys: pytest.CaptureFixture[str],
    identity: str,
    found: str,
) -> None:
    log(None)
    with pytest.raises(finding.VintageError, match=found):
        finding.replay_decision(identity, [SCENARIO])
    assert _replay(identity, capsys)[0] == 1


def test_a_row_that_its_request_does_not_have_is_told(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = _replay(f"{log(None).ids[0]}-4", capsys)
    assert status == 1 and "expected one of the 4 rows of its request, found row 4" in said


def test_a_release_that_is_gone_is_told(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(None)
    release = made.store.get(f"deployments/{SCENARIO}") or ""
    shutil.rmtree(Path(made.store.uri) / release_key(SCENARIO, release))
    status, said = _replay(f"{made.ids[0]}-0", capsys)
    assert status == 1 and f"expected release {release[:12]} in" in said


def test_a_log_whose_columns_are_not_the_release_s_is_told(
    log: Callable[[float | None], Logged], capsys: pytest.CaptureFixture[str]
) -> None:
    made = log(None)
    head, rest = made.path.read_bytes().split(b"\n", 1)
    header = json.loads(head)
    header["inputs"][0], header["inputs"][1] = header["inputs"][1], header["inputs"][0]
    made.path.write_bytes(json.dumps(header).encode() + b"\n" + rest)
    status, said = _replay(f"{made.ids[0]}-0", capsys)
    assert status == 1 and "expected a log with the inputs of release" in said


def test_the_ids_of_a_log_are_those_of_its_answers(
    log: Callable[[float | None], Logged],
) -> None:
    made = log(None)
    assert ids_of([made.path]) == made.ids
