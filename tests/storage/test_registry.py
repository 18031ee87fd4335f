"""The registry: releases are found by id, with the facts of their latest registration."""

from collections.abc import Callable

import pytest

from components.contracts.errors import VintageError
from components.storage.objects import Store
from components.storage.registry import (
    find_release,
    latest_registered,
    list_releases,
    note_registered,
    note_registration,
    release_key,
)

A, B, C = (letter * 64 for letter in "abc")
LIKE_A = "a" * 63 + "b"


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


def test_the_facts_of_a_release_are_those_of_its_latest_registration(registered: Store) -> None:
    for run in ("second", "third"):
        note_registration(registered, "s", B, {"run": run, "registered_at": "2026-01-09"})
    note_registration(registered, "other", A, {"run": "another's"})
    assert find_release(registered, "s", B).facts == {
        "release": B, "run": "third", "registered_at": "2026-01-09",
    }  # fmt: skip
    assert find_release(registered, "s", A).facts == {"release": A, "registered_at": "2026-01-02"}
    assert [e.facts["release"] for e in list_releases(registered, "s")] == [A, LIKE_A, B]
    note_registered(registered, "s", B)
    assert latest_registered(registered, "s") == B


def test_a_registration_without_its_release_is_none(store: Store) -> None:
    note_registration(store, "s", A, {"run": "r"})
    with pytest.raises(VintageError, match="found none or a part"):
        find_release(store, "s", A)
    assert list_releases(store, "s") == []
