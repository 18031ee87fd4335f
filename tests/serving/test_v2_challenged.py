"""V2 with a challenger beside the champion: each row's answer is of the release that it names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from components.scoring.scorer import Answer, Scorer
from tests.making import Models
from tests.serving.asking import Asked, asked
from tests.serving.inferring import INFER, MODEL, TWO, infer, outputs, tensor

IDS = [f"{n}" for n in range(40)]


@pytest.fixture(scope="module")
def challenger(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release that answers half of the entities."""
    folder: Path = tmp_path_factory.mktemp("challenger")
    return models.release("logistic", folder)


@pytest.fixture(scope="module")
def app(release: Path, challenger: Path) -> Iterator[Asked]:
    """An application that serves both."""
    with asked(small_loans=(release, challenger)) as made:
        yield made


@pytest.fixture(scope="module")
def known(release: Path, challenger: Path) -> dict[str, dict[str, Answer]]:
    """By release and entity what it answers, offline."""
    both = (Scorer(release), Scorer(challenger))
    return {
        scorer.id: dict(
            zip(IDS, scorer.score([scorer.entity(one) for one in IDS], reasons=True), strict=True)
        )
        for scorer in both
    }


def _entities(app: Asked, *ids: str, path: str = INFER, **more: object) -> Any:
    reply = infer(app, [tensor("entity", *ids, datatype="BYTES")], path, **more)
    assert reply.status == 200, reply.body
    return reply.json()


def _by_name(told: Any) -> dict[str, list[Any]]:
    return {one["name"]: one["data"] for one in told["outputs"]}


def test_each_row_is_answered_by_the_release_that_its_entity_is_split_to(
    app: Asked, known: dict[str, dict[str, Answer]]
) -> None:
    served = app.models.served["small-loans"]
    assert served.challenger is not None
    told = _entities(app, *IDS)
    found = _by_name(told)
    assert found["release"] == [
        (served.challenger if served.is_challenged(one) else served.champion).id for one in IDS
    ]
    assert set(found["release"]) == set(known)
    assert told["model_version"] == ""  # one version cannot say who answered for whom
    for row, (entity, answered_by) in enumerate(zip(IDS, found["release"], strict=True)):
        own = known[answered_by][entity]
        assert found["pd"][row] == own.pd
        assert found["points"][row] == own.points
        assert found["decision"][row] == own.decision
        codes = [reason["code"] for reason in json.loads(found["reasons"][row])]
        assert codes == [reason.code for reason in own.reasons]
    (question, answer) = app.log.decisions[-1]
    assert question.entities == IDS
    assert answer.other is not None
    (a, b) = known
    assert answer.other.tolist() == [
        known[b if release == a else a][entity].pd
        for entity, release in zip(IDS, found["release"], strict=True)
    ]


def test_where_both_answered_the_release_is_told_even_unasked(app: Asked) -> None:
    told = _entities(app, *IDS, outputs=[{"name": "pd"}])
    assert list(_by_name(told)) == ["pd", "release"]
    binary = {"name": "release", "parameters": {"binary_data": False}}
    told = _entities(app, *IDS, outputs=[binary, {"name": "points"}])
    assert list(_by_name(told)) == ["release", "points"]


def test_where_one_of_them_answered_alone_it_is_the_version(
    app: Asked, known: dict[str, dict[str, Answer]]
) -> None:
    served = app.models.served["small-loans"]
    assert served.challenger is not None
    sides: dict[str, list[str]] = {served.champion.id: [], served.challenger.id: []}
    for one in IDS:
        sides[(served.challenger if served.is_challenged(one) else served.champion).id].append(one)
    assert all(sides.values())
    for release, ids in sides.items():
        told = _entities(app, *ids, outputs=[{"name": "pd"}])
        assert told["model_version"] == release
        assert _by_name(told) == {"pd": [known[release][one].pd for one in ids]}


def test_who_names_the_champion_s_version_is_answered_by_it_whoever_the_entity_is(
    app: Asked, known: dict[str, dict[str, Answer]]
) -> None:
    champion = app.models.served["small-loans"].champion.id
    told = _entities(app, *IDS, path=f"{MODEL}/versions/{champion}/infer")
    found = _by_name(told)
    assert (told["model_version"], set(found["release"])) == (champion, {champion})
    assert found["pd"] == [known[champion][one].pd for one in IDS]


def test_the_challenger_s_version_is_no_address(app: Asked) -> None:
    served = app.models.served["small-loans"]
    assert served.challenger is not None
    path = f"{MODEL}/versions/{served.challenger.id}"
    assert app.ask("GET", path).status == 404
    assert app.ask("POST", f"{path}/infer", orjson.dumps({"inputs": TWO})).status == 404
    assert app.ask("GET", MODEL).json()["versions"] == [served.champion.id]


def test_rows_whose_entity_is_not_said_are_the_champion_s(app: Asked) -> None:
    champion = app.models.served["small-loans"].champion.id
    reply = infer(app, TWO)
    assert reply.json()["model_version"] == champion
    assert set(outputs(reply)["release"]) == {champion}
