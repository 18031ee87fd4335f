"""Who may become champion, who was one, and who is gone back to: by the rows of the tables."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contracts.errors import PromotionConflictError, VintageError
from components.storage.database import Promotion
from components.storage.registry import (
    champions,
    former_champion,
    standing_champion,
    undone,
    why_promote,
)

A, B, C = (letter * 64 for letter in "abc")
Row = tuple[str, str, bool] | tuple[str, str] | str


def _promotions(*rows: Row) -> list[Promotion]:
    """Promotions: each a release, its ground, and whether it came up; by default it won, and did.

    A ground with a space is the words of a row from before there were grounds.
    """
    made = []
    for number, row in enumerate(rows, start=1):
        release, ground, came_up = (
            (row, "won", True) if isinstance(row, str) else (*row, True) if len(row) == 2 else row
        )
        old = " " in ground
        made.append(
            Promotion(
                "s", number, release, f"run-{number}", "somebody", ground if old else "", {},
                datetime.now(UTC), None if old else ground, came_up and not old,
            )
        )  # fmt: skip
    return made


def _challenge(
    release: str, champion: int, *, passed: bool = True, run: str = "then", **more: object
) -> dict[str, object]:
    decision = {"kind": "challenge", "release": release, "champion": champion, "passed": passed}
    return {"run": run, "passed": int(passed), "decision": {**decision, **more}}


def _lost(release: str, champion: int, **more: object) -> dict[str, object]:
    return _challenge(release, champion, passed=False, **more)  # type: ignore[arg-type]


def _alike(champion: int, *, passed: bool = False) -> dict[str, object]:
    """A challenge by B that could not compare."""
    return _challenge(B, champion, passed=passed, comparable=False, why="the gold is gone")


def _why(
    promotions: list[Promotion],
    audit: list[dict[str, object]],
    *,
    named: bool = False,
    why: str = "",
    run: str = "now",
) -> str:
    ground, _ = why_promote(
        "s", B, run=run, named=named, why=why, promotions=promotions, audit=audit
    )
    return ground


NEVER_UP: tuple[Row, ...] = ((A, "first", False),)
FAILED: tuple[Row, ...] = (A, (B, "won", False), (A, "failed", False))


@pytest.mark.parametrize(
    ("rows", "audit", "ground"),
    [
        ((), [], "first"),
        (NEVER_UP, [], "first"),
        ((*NEVER_UP, (C, "first", False)), [_lost(B, 1)], "first"),
        ((A,), [_challenge(B, 1)], "won"),
        ((A,), [_challenge(B, 1, compared=True)], "won"),
        ((A,), [_challenge(B, 1, compared=False, why="same model, another snapshot")], "alike"),
        ((A, C), [_challenge(B, 1), _challenge(B, 2)], "won"),
        ((A,), [_lost(B, 1), _challenge(B, 1)], "won"),
        ((A,), [_alike(1), _challenge(B, 1, comparable=True)], "won"),
        ((B, A), [_challenge(B, 2)], "won"),
        ((B, A), [_challenge(B, 2, run="now")], "won"),
        (FAILED, [_challenge(B, 3)], "won"),
    ],
)
def test_a_release_may_become_champion_on_a_ground(
    rows: tuple[Row, ...], audit: list[dict[str, object]], ground: str
) -> None:
    assert _why(_promotions(*rows), audit) == ground


@pytest.mark.parametrize(
    ("rows", "audit", "found"),
    [
        ((A,), [], "none"),
        ((A,), [_lost(B, 1)], "that it lost"),
        ((A,), [_challenge(B, 1), _lost(B, 1)], "that it lost"),
        ((A,), [_alike(1), _lost(B, 1)], "that it lost"),
        ((A,), [_challenge(C, 1)], "none"),
        ((A, C), [_challenge(B, 1)], "none"),
        ((A,), [{"run": "r", "decision": {"passed": True, "bundle": B}}], "none"),
        (FAILED, [_challenge(B, 2)], "none"),
        ((B, A), [], "none"),
        ((B, A), [_lost(B, 2)], "that it lost"),
        ((B, A, C), [_lost(B, 2), _challenge(B, 2)], "none"),
    ],
    ids=[
        "none", "lost", "lost-after-a-win", "lost-after-none", "another's", "of-a-former-champion",
        "a-gate's", "never-came-up", "a-former-champion", "a-former-champion-that-lost",
        "a-former-champion-that-won-once",
    ],
)  # fmt: skip
@pytest.mark.parametrize("why", ["", "it is urgent"])
def test_a_release_whose_latest_challenge_of_the_champion_was_not_won_is_refused(
    rows: tuple[Row, ...], audit: list[dict[str, object]], found: str, why: str
) -> None:
    promotions = _promotions(*rows)
    with pytest.raises(VintageError) as caught:
        _why(promotions, audit, why=why)
    assert str(caught.value) == (
        "s: expected release bbbbbbbbbbbb to have won a challenge of the champion, release "
        f"{promotions[-1].release[:12]} (number {promotions[-1].number}), found {found}; "
        "challenge it with: vintage run s --pipeline challenge"
    )


@pytest.mark.parametrize("audit", [[], [_lost(B, 2)], [_challenge(B, 2)], [_alike(2)]])
def test_a_former_champion_comes_back_where_it_was_named(audit: list[dict[str, object]]) -> None:
    assert _why(_promotions(B, A), audit, named=True) == "rollback"


def test_a_run_that_challenged_with_a_former_champion_cannot_call_it_a_way_back() -> None:
    # Between its win and its promotion another one became champion.
    won = [_challenge(B, 2, run="now")]
    with pytest.raises(VintageError, match="found none; challenge it with"):
        _why(_promotions(B, A, C), won, named=True)
    assert _why(_promotions(B, A, C), won, named=True, run="later") == "rollback"


@pytest.mark.parametrize("rows", [FAILED, (A, (B, "won", False), (A, "won"))])
def test_what_never_came_up_is_no_way_back(rows: tuple[Row, ...]) -> None:
    """It failed, or it was overtaken before it came up."""
    with pytest.raises(VintageError, match="to have won a challenge"):
        _why(_promotions(*rows), [], named=True)
    with pytest.raises(VintageError, match="which never was"):
        former_champion("s", _promotions(*rows), B)


def test_what_cannot_be_compared_is_promoted_by_a_person_who_says_why() -> None:
    promotions = _promotions(A)
    assert (
        _why(promotions, [_challenge(B, 1), _alike(1)], why="agreed in the meeting") == "explicit"
    )
    with pytest.raises(VintageError) as caught:
        _why(promotions, [_alike(1)])
    assert str(caught.value) == (
        "s: expected release bbbbbbbbbbbb to be compared with the champion, release aaaaaaaaaaaa "
        "(number 1), found that it cannot be: the gold is gone; a person may decide, with: "
        "vintage run s --pipeline release --why TEXT"
    )
    with pytest.raises(VintageError, match=r"number 2\), found none; challenge it with"):
        _why(_promotions(A, C), [_alike(1)], why="agreed in the meeting")


def test_a_run_promotes_a_release_once() -> None:
    promotions = _promotions(A, B, C)
    with pytest.raises(PromotionConflictError, match="found cccccccccccc by run run-3"):
        _why(promotions, [_challenge(B, 3)], run="run-2")
    with pytest.raises(PromotionConflictError, match="found aaaaaaaaaaaa by run run-2"):
        _why(_promotions((B, "first", False), (A, "first", False)), [], run="run-1")


def test_a_champion_that_never_came_up_has_not_to_be_beaten() -> None:
    assert standing_champion([]) is None
    assert standing_champion(_promotions(*NEVER_UP)) is None
    assert standing_champion(_promotions(*NEVER_UP, (B, "first", False))) is None
    for rows in ((A,), (A, (B, "won", False)), FAILED, ((A, "w w"),)):
        promotions = _promotions(*rows)
        assert standing_champion(promotions) == promotions[-1]


def test_a_release_that_never_came_up_was_no_champion() -> None:
    rows = _promotions(*FAILED, C, (B, "won", False), A)
    assert [(row.number, row.release) for row in champions(rows)] == [
        (1, A),
        (3, A),
        (4, C),
        (6, A),
    ]
    assert champions([]) == []


def test_rows_from_before_there_were_grounds_are_judged_by_their_words() -> None:
    old = [(A, "first champion"), (B, "won the challenge"), (A, undone(B)), (C, "in a meeting")]
    rows = _promotions(*old, (A, "rolled back"))
    assert [(row.number, row.release) for row in champions(rows)] == [
        (1, A),
        (3, A),
        (4, C),
        (5, A),
    ]
    with pytest.raises(VintageError, match="expected a champion before release aaaaaaaaaaaa"):
        former_champion("s", rows)
    assert former_champion("s", rows[:4]) == A
    assert [row.number for row in champions(_promotions((A, "first champion"), *FAILED[1:]))] == [
        1, 3,
    ]  # fmt: skip


def test_nobody_s_words_make_a_champion_one_that_never_came_up() -> None:
    first, second, third = _promotions(A, B, C)
    forged = Promotion(**{**vars(third), "why": undone(B)})
    assert champions([first, second, forged]) == [first, second, forged]
    assert former_champion("s", [first, second, forged]) == B


@pytest.mark.parametrize(
    ("rows", "wanted", "found"),
    [
        ((A, B), "", A),
        ((A, B, C), "", B),
        ((A, B, C), A, A),
        ((A, B, A), "", B),
        ((A, A, B, B), "", A),
        ((A, B, (C, "won", False), (B, "failed", False)), "", A),
        ((A, B, C, (B, "rollback")), "", A),
        ((A, B, C, (B, "rollback")), C, C),
        ((A, B, C, (B, "rollback"), (C, "rollback")), "", B),
        ((A, B, C, (B, "rollback", False), (C, "failed", False)), "", B),
        ((A, B, C, (B, "rollback", False)), "", B),
        ((A, B, C, (B, "rollback", False)), B, B),
        ((A, B, C, (B, "rollback", False)), A, A),
        ((A, B, (C, "won", False)), "", B),
    ],
)
def test_the_way_back_leads_to_the_champion_before(
    rows: tuple[Row, ...], wanted: str, found: str
) -> None:
    assert former_champion("s", _promotions(*rows), wanted) == found


@pytest.mark.parametrize(
    ("rows", "wanted", "said"),
    [
        ((), "", "s: expected a champion to go back from, found none; "),
        ((), A, "s: expected a champion to go back from, found none; "),
        ((A,), "", "s: expected a champion before release aaaaaaaaaaaa to go back to, found none"),
        ((A, A), "", "expected a champion before release aaaaaaaaaaaa"),
        ((A, B, (A, "rollback")), "", "expected a champion before release aaaaaaaaaaaa"),
        ((A,), A, "found that aaaaaaaaaaaa is the champion already"),
        ((A, B), C, "found cccccccccccc, which never was; see: vintage releases s"),
        (FAILED, B, "found bbbbbbbbbbbb, which never was"),
    ],
)
def test_where_there_is_no_way_back_it_is_said_why(
    rows: tuple[Row, ...], wanted: str, said: str
) -> None:
    with pytest.raises(VintageError) as caught:
        former_champion("s", _promotions(*rows), wanted)
    assert said in str(caught.value)


@given(st.lists(st.sampled_from(["promote", "fail", "overtake", "back", "cut short"]), max_size=30))
def test_ways_back_walk_back_through_the_champions_as_a_stack(moves: list[str]) -> None:
    rows: list[Row] = []
    stack: list[str] = []
    for number, move in enumerate(moves):
        new = f"{number:064x}"
        if move == "promote":
            rows.append((new, "won"))
            stack.append(new)
        elif move == "overtake":  # the next row comes before it is up
            rows += [(new, "won", False), (f"{number + 100:064x}", "won")]
            stack.append(f"{number + 100:064x}")
        elif move == "fail" and stack:
            rows += [(new, "won", False), (stack[-1], "failed", False)]
        elif len(stack) > 1:
            found = former_champion("s", _promotions(*rows))
            assert found == stack[-2]
            stack.pop()
            if move == "cut short":
                rows.append((found, "rollback", False))
                assert former_champion("s", _promotions(*rows)) == found
                rows.pop()
            rows.append((found, "rollback"))
        elif stack:
            with pytest.raises(VintageError, match="expected a champion before"):
                former_champion("s", _promotions(*rows))


@pytest.mark.parametrize(
    ("ground", "why", "said"),
    [
        ("first", "", "first champion"),
        ("won", "", "won the challenge"),
        ("alike", "another snapshot", "without a comparison: another snapshot"),
        ("rollback", "complaints", "rolled back: complaints"),
        ("explicit", "in a meeting", "by a person's decision: in a meeting"),
        ("failed", undone(A), "rolled back: release aaaaaaaaaaaa could not be deployed"),
        (None, "in a meeting", "in a meeting"),
    ],
)
def test_why_a_release_is_champion_is_told_to_people(
    ground: str | None, why: str, said: str
) -> None:
    (row,) = _promotions(B)
    assert Promotion(**{**vars(row), "ground": ground, "why": why}).reason == said
