"""Where things are kept: one home, unless the environment says otherwise."""

from pathlib import Path

import pytest

from components.contracts.errors import VintageError
from components.storage.settings import Settings


def test_everything_is_below_one_home() -> None:
    settings = Settings.from_environment({"VINTAGE_HOME": "/h"})
    assert settings == Settings(
        home=Path("/h"),
        store="/h/store",
        database="sqlite:////h/vintage.db",
        tracking="sqlite:////h/mlflow.db",
        webhook="",
        pushgateway="",
        namespace="",
        most_replicas="",
        sources="",
        sources_user="",
        sources_password="",
        jars=Path("/h/jars"),
        executors=0,
        executor_image="",
        pod="",
        pod_address="",
        endpoint="",
    )


def test_a_home_is_absolute_and_its_default_is_below_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environment({}).home == tmp_path / ".vintage"
    assert Settings.from_environment({"VINTAGE_HOME": "x"}).home == tmp_path / "x"


_PLACES = (
    *("store", "database", "tracking", "webhook", "pushgateway", "namespace", "most_replicas"),
    *("sources", "sources_user", "sources_password", "jars", "executor_image", "pod"),
    "pod_address",
)


@pytest.mark.parametrize("field", _PLACES)
def test_each_place_can_point_away_from_home(field: str) -> None:
    given = {"VINTAGE_HOME": "/h", f"VINTAGE_{field.upper()}": "/there"}
    assert str(getattr(Settings.from_environment(given), field)) == "/there"


@pytest.mark.parametrize("field", ["home", *_PLACES])
def test_an_empty_variable_counts_as_not_set(field: str) -> None:
    empty = {"VINTAGE_HOME": "/h", f"VINTAGE_{field.upper()}": ""}
    plain = {} if field == "home" else {"VINTAGE_HOME": "/h"}
    assert Settings.from_environment(empty) == Settings.from_environment(plain)


@pytest.mark.parametrize("found", ["two", "-1", "1.5", "\u00b2"])
def test_a_number_of_executors_that_is_none_is_named(found: str) -> None:
    assert Settings.from_environment({"VINTAGE_EXECUTORS": "2"}).executors == 2
    with pytest.raises(VintageError) as caught:
        Settings.from_environment({"VINTAGE_EXECUTORS": found})
    assert str(caught.value) == f"VINTAGE_EXECUTORS: expected a whole number, found {found!r}"


def test_a_password_is_not_shown_with_the_settings() -> None:
    settings = Settings.from_environment({"VINTAGE_SOURCES_PASSWORD": "hush"})
    assert settings.sources_password == "hush"  # noqa: S105 - nobody's
    assert "hush" not in repr(settings)
