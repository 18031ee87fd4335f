"""The registry: releases are found by id, and a release becomes champion for a reason only."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from components.contracts.errors import PromotionConflictError, VintageError
from components.storage.database import Promotion
from components.storage.objects import Store
from components.storage.registry import (
    champions,
    find_release,
    former_champion,
    latest_registered,
    list_releases,
    note_registered,
    release_key,
    undone,
    why_promote,
)

A, B, C = (letter * 64 for letter in "abc")
LIKE_A = "a" * 63 + "b"


def _promotions(*rows: tuple[str, str] | str) -> list[Promotion]:
    """Promotions in a row: each a release, or a release and why."""
    pairs = [row if isinstance(row, tuple) else (row, "won the challenge") for row in rows]
    return [
        Promotion("s", number, release, f"run-{number}", "somebody", why, {}, datetime.now(UTC))
        for number, (release, why) in enumerate(pairs, start=1)
    ]


def _challenge(release: str, champion: int, *, passed: bool = True) -> dict[str, object]:
    decision = {"kind": "challenge", "release": release, "champion": champion, "passed": passed}
    return {"passed": int(passed), "decision": {**decision, "paired": [0.1]}}


@pytest.fixture
def registered(store: Store, publish: Callable[..., object]) -> Store:
    """Three releases of one scenario, and one of another."""
    for release, at in ((LIKE_A, "2026-01-03"), (A, "2026-01-02"), (B, "2026-01-01")):
        facts = {"release": release, "registered_at": at}
        publish(release_key("s", release), {"release.json": "{}", "bundle/spec.json": "1"}, **facts)
    publish(release_key("other", C), {"release.json": "{}"}, release=C)
    return store


@pytest.mark.parametrize(
    ("words", "release"), [(A, A), (LIKE_A, LIKE_A), (B, B), ("b" * 6, B), ("b" * 63, B)]
)
def test_a_release_is_found_by_its_id_or_a_start_of_it(
    registered: Store, words: str, release: str
) -> None:
    entry = find_release(registered, "s", words)
    assert entry.facts["release"] == release
    assert (registered.local(entry) / "release.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (C, "s: expected release cccccccccccc in "),
        ("c" * 6, "s: expected release cccccc in "),
        ("a" * 6, "s: expected one release that begins with aaaaaa, found 2: aaaaaaaaaaaa, "),
        ("a" * 5, "s: expected a release's id or its first six digits and more, found 'aaaaa'"),
        ("", "s: expected a registered release in "),
        ("a" * 65, "expected a release's id"),
        ("../../s/releases/" + A, "expected a release's id"),
        ("A" * 64, "expected a release's id"),
    ],
)
def test_a_release_that_cannot_be_found_is_named(registered: Store, words: str, said: str) -> None:
    with pytest.raises(VintageError) as caught:
        find_release(registered, "s", words)
    assert said in str(caught.value)


def test_a_release_that_was_published_in_part_is_none(
    store: Store, publish: Callable[..., object]
) -> None:
    store.put(f"{release_key('s', A)}/bundle/spec.json", "a part")
    with pytest.raises(VintageError, match="found none or a part"):
        find_release(store, "s", A)
    assert list_releases(store, "s") == []
    publish(release_key("s", B), {"release.json": "{}"}, release=B)
    assert [entry.facts["release"] for entry in list_releases(store, "s")] == [B]


def test_releases_are_listed_in_the_order_of_their_registration(registered: Store) -> None:
    assert [e.facts["release"] for e in list_releases(registered, "s")] == [B, A, LIKE_A]
    assert [e.facts["release"] for e in list_releases(registered, "other")] == [C]
    assert list_releases(registered, "none") == []


def test_the_release_that_was_noted_last_is_the_latest(store: Store) -> None:
    assert latest_registered(store, "s") is None
    for release in (A, B, A):
        note_registered(store, "s", release)
        assert latest_registered(store, "s") == release
        with pytest.raises(VintageError, match=f"expected release {release[:12]}"):
            find_release(store, "s", "")
    assert latest_registered(store, "other") is None


@pytest.mark.parametrize(
    ("promotions", "audit", "why"),
    [
        ([], [], "first champion"),
        ([A], [_challenge(B, 1)], "won the challenge"),
        ([A, C], [_challenge(B, 1), _challenge(B, 2)], "won the challenge"),
        ([B, A], [], "rolled back"),
        ([B, A], [_challenge(B, 2)], "won the challenge"),
    ],
)
def test_a_release_may_become_champion_for_a_reason(
    promotions: list[str], audit: list[dict[str, object]], why: str
) -> None:
    assert why_promote("s", B, run="now", promotions=_promotions(*promotions), audit=audit) == why


@pytest.mark.parametrize(
    ("promotions", "audit"),
    [
        ([A], []),
        ([A], [_challenge(B, 1, passed=False)]),
        ([A], [_challenge(C, 1)]),
        ([A, C], [_challenge(B, 1)]),
        ([A], [{"decision": {"passed": True, "bundle": B}}]),
        ([A, B, (A, undone(B))], [_challenge(B, 1)]),
    ],
    ids=["none", "lost", "another's", "of-a-former-champion", "a-gate's", "never-came-up"],
)
def test_a_release_without_a_win_over_the_present_champion_is_refused(
    promotions: list[str], audit: list[dict[str, object]]
) -> None:
    rows = _promotions(*promotions)
    with pytest.raises(VintageError) as caught:
        why_promote("s", B, run="now", promotions=rows, audit=audit)
    assert str(caught.value) == (
        "s: expected release bbbbbbbbbbbb to have won a challenge of the champion, release "
        f"{rows[-1].release[:12]} (number {rows[-1].number}), found none that it won; "
        "challenge it with: vintage run s --pipeline challenge"
    )


def test_a_run_promotes_a_release_once() -> None:
    promotions = _promotions(A, B, C)
    with pytest.raises(PromotionConflictError, match="found cccccccccccc by run run-3"):
        why_promote("s", B, run="run-2", promotions=promotions, audit=[_challenge(B, 3)])


def test_a_release_that_never_came_up_was_no_champion() -> None:
    rows = _promotions(A, B, (A, undone(B)), C)
    assert [(row.number, row.release) for row in champions(rows)] == [(1, A), (3, A), (4, C)]
    assert champions([]) == []


@pytest.mark.parametrize(
    ("promotions", "wanted", "found"),
    [
        ([A, B], "", A),
        ([A, B, C], "", B),
        ([A, B, C], A, A),
        ([A, B, A], "", B),
        ([A, A, B, B], "", A),
        ([A, B, C, (B, undone(C))], "", A),
    ],
)
def test_the_way_back_leads_to_the_champion_before(
    promotions: list[str], wanted: str, found: str
) -> None:
    assert former_champion("s", _promotions(*promotions), wanted) == found


@pytest.mark.parametrize(
    ("promotions", "wanted", "said"),
    [
        ([], "", "s: expected a champion to go back from, found none; "),
        ([], A, "s: expected a champion to go back from, found none; "),
        ([A], "", "s: expected a champion before release aaaaaaaaaaaa to go back to, found none"),
        ([A, A], "", "expected a champion before release aaaaaaaaaaaa"),
        ([A], A, "found that aaaaaaaaaaaa is the champion already"),
        ([A, B], C, "found cccccccccccc, which never was; see: vintage releases s"),
        ([A, B, (A, undone(B))], B, "found bbbbbbbbbbbb, which never was"),
    ],
)
def test_where_there_is_no_way_back_it_is_said_why(
    promotions: list[str], wanted: str, said: str
) -> None:
    with pytest.raises(VintageError) as caught:
        former_champion("s", _promotions(*promotions), wanted)
    assert said in str(caught.value)
