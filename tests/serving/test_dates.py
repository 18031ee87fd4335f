"""A model of dates and flags, from a request to its answer."""

import numpy as np
import pytest

from tests.making import changed
from tests.serving.asking import Asked
from tests.serving.dated import LATEST, ROW, ROWS

PREDICT = "/v1/models/repeat:predict"
INFER = "/v2/models/repeat/infer"


def test_a_row_with_dates_is_scored_with_its_reasons(app: Asked) -> None:
    reply = app.post(PREDICT, {"instances": ROWS})
    assert reply.status == 200
    first, jobless, older = reply.json()["predictions"]
    margin = 1.0 - 0.05 * 12_419 / 365.25 - 0.1 * 365 / 365.25
    assert first["pd"] == pytest.approx(1 / (1 + np.exp(-margin)), rel=1e-12)
    assert [reason["text"] for reason in first["reasons"]] == [
        "No car",
        "New in the job",
        "34 years old, usual is 40",
    ]
    assert "No job" in [reason["text"] for reason in jobless["reasons"]]
    assert older["pd"] < first["pd"] < jobless["pd"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("31.05.1990", "'31.05.1990'"),
        ("1990-05-31T00:00:00Z", "'1990-05-31T00:00:00Z'"),
        ("1990-02-30", "'1990-02-30'"),
        (7455, "7455"),
        (None, "null"),
        ("1899-12-31", "'1899-12-31'"),
        ("0001-01-01", "'0001-01-01'"),
    ],
)
def test_what_is_no_date_is_told_with_what_was_expected(
    app: Asked, given: object, found: str
) -> None:
    reply = app.post(PREDICT, {"instances": [changed(ROW, BIRTHDAY=given)]})
    assert reply.status == 400
    expected = "a date such as 1990-05-31, from 1900-01-01"
    assert reply.faults == [f"BIRTHDAY: expected {expected}, found {found}"]


@pytest.mark.parametrize("rows", [1, 9])
def test_a_date_that_training_takes_for_missing_is_missing(app: Asked, rows: int) -> None:
    told = []
    for began in (None, "3021-09-18", "2100-01-01"):
        reply = app.post(PREDICT, {"instances": [changed(ROW, JOB_START=began)] * rows})
        told.append([(one["pd"], one["reasons"]) for one in reply.json()["predictions"]])
    missing, beyond, within = told
    assert missing == beyond != within
    # What is written down, and read by monitoring and a replay, is what was scored.
    logged = [question.inputs[0, 1] for question, _ in app.log.decisions[-3:]]
    assert np.array_equal(logged, [np.nan, np.nan, LATEST], equal_nan=True)


def test_a_date_out_of_range_is_told_by_its_row_or_missing_in_a_tensor_too(app: Asked) -> None:
    def asked(birthday: str) -> dict[str, object]:
        row = changed(ROW, BIRTHDAY=birthday, JOB_START="3021-09-18")
        return {
            "inputs": [
                {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
                for name, value in row.items()
            ]
        }

    missing = app.post(PREDICT, {"instances": [changed(ROW, JOB_START=None)]}).json()
    (pd, *_) = app.post(INFER, asked("1990-05-31")).json()["outputs"]
    assert pd["data"] == [missing["predictions"][0]["pd"]]
    assert app.post(INFER, asked("1899-12-31")).faults == [
        "row 0: BIRTHDAY: expected a date such as 1990-05-31, from 1900-01-01, found '1899-12-31'"
    ]
