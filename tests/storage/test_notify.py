"""Notifications reach a webhook, and never fail a run."""

import json
import threading

import pytest

from components.storage import reach
from components.storage.notify import notify
from tests.storage.answering import NOWHERE, answering, garbage, impatient, slow

__all__ = ["impatient"]
pytestmark = pytest.mark.usefixtures("impatient")
BODY = {"scenario": "card-default", "run": "r1", "event": "refused", "text": "two\nlines: £"}
AWAY = "webhook could not be reached"


def _notify(webhook: str) -> None:
    notify(webhook, **BODY)


def test_a_webhook_gets_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    with answering() as webhook:
        _notify(f"{webhook.url}/hook")
    [(method, path, kind, body)] = webhook.got
    assert (method, path, kind) == ("POST", "/hook", "application/json")
    assert json.loads(body) == BODY
    assert AWAY not in capsys.readouterr().out


def test_without_a_webhook_the_log_has_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    _notify("")
    assert "refused card-default r1: two" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("statuses", "tries", "away"),
    [
        ((200,), 1, ""),
        ((500, 200), 2, ""),
        ((503, 429, 204), 3, ""),
        ((500, 500, 502), 3, "HTTP Error 502"),
        ((404,), 3, "HTTP Error 404"),
    ],
)
def test_a_webhook_that_fails_is_tried_again_and_fails_nothing(
    statuses: tuple[int, ...], tries: int, away: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(*statuses) as webhook:
        _notify(webhook.url)
    assert len(webhook.got) == tries
    assert len({body for *_, body in webhook.got}) == 1
    said = capsys.readouterr().out
    assert f"{AWAY}: {away}" in said if away else AWAY not in said


@pytest.mark.parametrize("url", NOWHERE)
def test_a_webhook_that_cannot_be_reached_fails_nothing(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _notify(url)
    assert capsys.readouterr().out.count(AWAY) == 1


def test_a_webhook_that_does_not_speak_http_fails_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with garbage() as url:
        _notify(url)
    assert AWAY in capsys.readouterr().out


def test_a_webhook_whose_answer_has_no_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reach, "_MOST_S", 0.1)
    before = set(threading.enumerate())
    with slow() as (url, released):
        _notify(url)
        assert not released.is_set()  # it is at it still
        assert f"{AWAY}: no answer in 0.1 seconds" in capsys.readouterr().out
    for thread in set(threading.enumerate()) - before:
        thread.join(10)


def test_the_pauses_between_tries_grow_and_all_is_over_in_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    assert 0 < reach._PAUSES_S[0] < reach._PAUSES_S[1]
    assert reach.TIMEOUT_S + sum(reach._PAUSES_S) < reach._MOST_S <= 15
