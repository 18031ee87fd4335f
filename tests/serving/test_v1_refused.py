"""V1: a body that is not as the model declares is refused with every fault, and never scored."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from serving.settings import Limits
from tests.making import Models, changed, plain_rows
from tests.serving.asking import PREDICT, ROW, Asked, asked

_MEMBERS = "body: expected nothing but entities, instances, reasons, found"
_REASONS = "reasons: expected true or false, found 'yes'"
_ENTITIES = "entities: expected a text or null for each instance, found otherwise"
_OTHER = "row 0: entities: the instance is entity '3', found '4'"


@pytest.mark.parametrize(
    ("body", "status", "faults"),
    [
        ({"instances": ["3", "nobody"]}, 404, ["row 1: no entity 'nobody' in the snapshot"]),
        (
            {"instances": ["nobody", 5, {"AMOUNT": 1}]},
            400,
            [
                "row 0: no entity 'nobody' in the snapshot",
                "row 1: expected an object or an entity's id, found a int",
                "row 2: VISITS: expected a whole number from 0 to 9, found nothing",
            ],
        ),
        ({"instances": ["3"], "entities": []}, 400, [_ENTITIES]),
        ({"instances": ["3"], "entities": ["4"]}, 400, [_OTHER]),
        ({"instances": ["3"], "parameters": {}}, 400, [f"{_MEMBERS} 'parameters'"]),
        (
            {"instances": ["nobody"], "entities": ["nobody"], "reason": True},
            400,
            [f"{_MEMBERS} 'reason'", "row 0: no entity 'nobody' in the snapshot"],
        ),
        (
            {"instances": ["3", "nobody", {"VISITS": "1", "AMOUNT": 1}],
             "entities": ["4", None, None], "reasons": "yes", "x": 1, "reason": True},
            400,
            [
                f"{_MEMBERS} 'reason'", f"{_MEMBERS} 'x'", _REASONS, _OTHER,
                "row 1: no entity 'nobody' in the snapshot",
                "row 2: VISITS: expected a whole number from 0 to 9, found '1'",
            ],
        ),
        (
            {"instances": [{}], "entities": "3", "reasons": None},
            400,
            [
                "reasons: expected true or false, found None", _ENTITIES,
                "VISITS: expected a whole number from 0 to 9, found nothing",
                "AMOUNT: expected a number of at least 0, found nothing",
            ],
        ),
        ({"rows": [], "x": 1}, 400, [f"{_MEMBERS} 'rows'", f"{_MEMBERS} 'x'"]),
    ],
)  # fmt: skip
def test_whatever_is_wrong_about_a_body_is_told_at_once(
    app: Asked, body: object, status: int, faults: list[str]
) -> None:
    reply = app.post(PREDICT, body)
    assert (reply.status, reply.faults) == (status, faults)


SHAPE = 'body: expected {"instances": [row, ...]} with at least one row'
OBJECT = "expected an object or an entity's id, found a"
DECLARED = "body: not as the model declares"


@pytest.mark.parametrize(
    ("body", "error", "faults"),
    [
        (b'{"instances": [{"AMOUNT": 1e999}]}', "body: expected JSON", []),
        (b"null", "body: expected a JSON object, found a NoneType", []),
        (b"5", "body: expected a JSON object, found a int", []),
        (b"[]", "body: expected a JSON object, found a list", []),
        (orjson.dumps([ROW]), "body: expected a JSON object, found a list", []),
        (b"{}", SHAPE, []),
        (b'{"instances": null}', SHAPE, []),
        (b'{"instances": {}}', SHAPE, []),
        (orjson.dumps({"instances": ROW}), SHAPE, []),
        (orjson.dumps({"rows": [ROW]}), SHAPE, [f"{_MEMBERS} 'rows'"]),
        (b'{"instances": [null]}', DECLARED, [f"row 0: {OBJECT} NoneType"]),
        (
            orjson.dumps({"instances": [ROW, 5, [], "x"]}),
            DECLARED,
            [
                f"row 1: {OBJECT} int",
                f"row 2: {OBJECT} list",
                "row 3: no entity 'x' in the snapshot",
            ],
        ),
    ],
)
def test_a_body_that_holds_no_rows_is_refused(
    app: Asked, body: bytes, error: str, faults: list[str]
) -> None:
    reply = app.ask("POST", PREDICT, body)
    assert reply.status == 400
    assert reply.json()["detail"].startswith(error)
    assert reply.faults == faults


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"instances": ["nobody"], "instances": ["3"]}', "instances"),
        (b'{"instances": ["3"], "entities": ["a:b"], "entities": ["3"]}', "entities"),
        (b'{"instances": ["3"], "reasons": 1, "r\\u0065asons": true}', "reasons"),
        (b'{"instances": [{"VISITS": {"a": {"b": 1, "b": 2}}, "AMOUNT": 1}]}', "b"),
        (b'{"instances": ["3"], "reasons": {"parameters": {":": 1, "\\u003a": 2}}}', ":"),
    ],
)
def test_a_key_that_comes_twice_is_refused_wherever_it_is(
    app: Asked, body: bytes, key: str
) -> None:
    reply = app.ask("POST", PREDICT, body)
    assert (reply.status, reply.json()["detail"]) == (
        400, "body: expected each key of an object once"
    )  # fmt: skip
    assert reply.faults == [f"{key}: expected once in an object, found again"]


@pytest.mark.parametrize("text", [b"urn:a:b", b"a\\u003ab", b"{a: 1, a: 2}"])
def test_a_colon_in_a_text_is_no_key(app: Asked, text: bytes) -> None:
    body = b'{"instances": [%b], "entities": ["%b"]}' % (orjson.dumps(ROW), text)
    assert app.ask("POST", PREDICT, body).status == 200


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([changed(ROW, AMOUNT=True)], ["AMOUNT: expected a number of at least 0, found True"]),
        ([changed(ROW, AMOUNT=-1)], ["AMOUNT: expected a number of at least 0, found -1"]),
        ([changed(ROW, VISITS=2.5)], ["VISITS: expected a whole number from 0 to 9, found 2.5"]),
        (
            [changed(ROW, REGION="west")],
            ["REGION: expected one of north, south, 7, found 'west'"],
        ),
        ([changed(ROW, INCOME=[1])], ["INCOME: expected a number, found [1]"]),
        (
            [ROW, changed(ROW, VISITS=10, AMOUNT=False), changed(ROW, X=1)],
            [
                "row 1: VISITS: expected a whole number from 0 to 9, found 10",
                "row 1: AMOUNT: expected a number of at least 0, found False",
                "row 2: X: not an input",
            ],
        ),
    ],
)
def test_rows_with_faults_are_refused_with_every_fault(
    app: Asked, rows: list[Mapping[str, object]], faults: list[str]
) -> None:
    reply = app.post(PREDICT, {"instances": rows})
    assert reply.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": DECLARED,
        "faults": faults,
    }


def test_too_many_rows_are_refused(release: Path) -> None:
    with asked(Limits(rows=2), small_loans=release) as app:
        assert app.post(PREDICT, {"instances": [ROW, ROW]}).status == 200
        reply = app.post(PREDICT, {"instances": [ROW, ROW, ROW]})
    assert reply.status == 413
    assert reply.json()["detail"] == "instances: expected at most 2 rows, found 3"


@pytest.mark.parametrize("row", [b"{}", b"5", b'"nobody"'])
def test_the_answer_to_many_wrong_rows_names_a_thousand(app: Asked, row: bytes) -> None:
    reply = app.ask("POST", PREDICT, b'{"instances": [' + (row + b",") * 99_999 + row + b"]}")
    assert reply.status in {400, 404}
    assert len(reply.faults) == 1_000


def test_a_wish_for_reasons_is_true_or_false(app: Asked, models: Models) -> None:
    body = {"instances": plain_rows(models.data.inputs[:1]), "reasons": "yes"}
    reply = app.post(PREDICT, body)
    assert (reply.status, reply.json()["detail"], reply.faults) == (400, DECLARED, [_REASONS])
