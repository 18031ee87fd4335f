"""Content keys: whatever has the same key is the same thing, and nothing else has it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.contracts.families import XGBoostFamily
from components.storage import keys
from components.storage.keys import canonical, code_version, content_key, folder_digest
from pipelines.scenarios import load

_BASE = {"stage": "a/models", "spec": "{}", "inputs": {"gold": "1", "silver": "2"}, "code": "c"}


def _key(**changes: object) -> str:
    return content_key(**{**_BASE, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": "a/other"},
        {"spec": '{"x":1}'},
        {"inputs": {"gold": "1", "silver": "3"}},
        {"inputs": {"gold": "2", "silver": "1"}},
        {"inputs": {"gold": "1"}},
        {"inputs": {"gold": "1", "silver": "2", "more": "3"}},
        {"code": "d"},
    ],
)
def test_a_key_changes_with_everything_that_the_output_depends_on(
    changes: dict[str, object],
) -> None:
    assert _key(**changes) != _key()


def test_a_key_does_not_depend_on_the_order_of_the_inputs() -> None:
    assert _key(inputs={"silver": "2", "gold": "1"}) == _key()


_PARTS = st.tuples(
    st.text(max_size=5),
    st.text(max_size=5),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
    st.text(max_size=5),
)


@given(one=_PARTS, other=_PARTS)
def test_two_keys_are_equal_only_where_all_parts_are(
    one: tuple[str, str, dict[str, str], str], other: tuple[str, str, dict[str, str], str]
) -> None:
    assert (content_key(*one) == content_key(*other)) == (one == other)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), _JSON, max_size=5))
def test_equal_values_have_one_text(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical(value) == canonical(backwards)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_has_no_word_for_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical([number])


def test_a_folder_digest_does_not_depend_on_the_order_of_its_files() -> None:
    files = [("a", "1"), ("b", "2")]
    assert folder_digest(files) == folder_digest(reversed(files))
    assert folder_digest(files) != folder_digest([("a", "2"), ("b", "1")])


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two rooms of code that a test may rewrite."""
    for room in ("one", "two"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "module.py").write_text("A = 1\n")
    monkeypatch.setattr(keys, "_ROOT", tmp_path)
    code_version.cache_clear()
    return tmp_path


def _version(*rooms: str, libraries: tuple[str, ...] = ("numpy",)) -> str:
    code_version.cache_clear()
    return code_version(rooms, libraries)


@pytest.mark.parametrize("change", ["edit", "add", "rename", "nest"])
def test_the_code_version_changes_with_the_source_of_its_rooms(rooms: Path, change: str) -> None:
    before = _version("one")
    module = rooms / "one" / "module.py"
    if change == "edit":
        module.write_text("A = 2\n")
    elif change == "add":
        (rooms / "one" / "other.py").write_text("")
    elif change == "rename":
        module.rename(module.with_name("renamed.py"))
    else:
        (rooms / "one" / "inner").mkdir()
        (rooms / "one" / "inner" / "deep.py").write_text("")
    assert _version("one") != before


def test_the_code_version_stays_where_another_room_or_no_source_changes(rooms: Path) -> None:
    before = _version("one")
    (rooms / "two" / "module.py").write_text("A = 2\n")
    (rooms / "one" / "notes.txt").write_text("not code")
    assert _version("one") == before


def test_the_code_version_changes_with_the_version_of_a_library(
    rooms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del rooms
    before = _version("one", libraries=("numpy", "minio"))
    monkeypatch.setattr(keys, "version", {"numpy": "99", "minio": "1"}.__getitem__)
    assert _version("one", libraries=("numpy", "minio")) != before


def test_a_task_gets_only_its_own_slice_so_that_a_model_setting_leaves_the_data_alone() -> None:
    scenario = load("card-default")
    other = scenario.model_copy(
        update={"training": scenario.training.model_copy(update={"families": (XGBoostFamily(),)})}
    )
    assert other.train() != scenario.train()
    assert other.ingest() == scenario.ingest()
    assert other.gold() == scenario.gold()
    assert other.challenge() == scenario.challenge()


def test_what_a_model_is_made_of_is_in_no_slice_of_a_task_that_a_release_tells_it() -> None:
    scenario = load("loan-default")
    other = scenario.model_copy(update={"features": scenario.features[:5], "histories": ()})
    assert other.gold() != scenario.gold()
    assert other.decide() == scenario.decide()
    assert len(scenario.decide().brief()) < len(scenario.gold().brief()) / 20
