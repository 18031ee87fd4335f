"""A model of dates and flags, from a request to its answer."""

import numpy as np
import pytest

from tests.making import changed
from tests.serving.asking import Asked
from tests.serving.dated import ROW, ROWS

PREDICT = "/v1/models/repeat:predict"


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
    ],
)
def test_what_is_no_date_is_told_with_what_was_expected(
    app: Asked, given: object, found: str
) -> None:
    reply = app.post(PREDICT, {"instances": [changed(ROW, BIRTHDAY=given)]})
    assert reply.status == 400
    assert reply.faults == [f"BIRTHDAY: expected a date such as 1990-05-31, found {found}"]
