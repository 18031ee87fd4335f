"""MLflow mirrors what happened: nothing twice, and the alias stands where the champion stands."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from components.contracts.errors import EnvironmentFaultError
from components.storage.settings import Settings
from components.storage.tracking import CHAMPION, Tracking


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One store for the file: making its tables costs seconds."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_environment({"VINTAGE_HOME": str(home)})
    Tracking(settings).log("warm", run="r", key="k", parameters={}, figures={}, tags={}, files=())
    return settings


@pytest.fixture
def client(settings: Settings) -> MlflowClient:
    return MlflowClient(settings.tracking, settings.tracking)


def _log(settings: Settings, scenario: str, tmp_path: Path, key: str = "k1") -> str:
    file = tmp_path / "report.html"
    file.write_text("<p>report</p>")
    return Tracking(settings).log(
        scenario,
        run="run-1",
        key=key,
        parameters={"family": "xgboost", "long": "x" * 2_000},
        figures={"auc": 0.77, "ks": 0.4},
        tags={"gate": "passed"},
        files=(file,),
    )


def _runs(client: MlflowClient, scenario: str) -> list[str]:
    experiment = client.get_experiment_by_name(scenario)
    assert experiment is not None
    return [str(r.info.run_id) for r in client.search_runs([experiment.experiment_id])]


def test_an_evaluation_that_is_logged_twice_is_one_run(
    settings: Settings, client: MlflowClient, tmp_path: Path
) -> None:
    first = _log(settings, "twice", tmp_path)
    assert _log(settings, "twice", tmp_path) == first
    assert _runs(client, "twice") == [first]
    run = client.get_run(first)
    assert run.data.metrics == {"auc": 0.77, "ks": 0.4}
    assert run.data.params["family"] == "xgboost"
    assert run.data.tags["gate"] == "passed"
    assert run.info.status == "FINISHED"
    assert [f.path for f in client.list_artifacts(first)] == ["report.html"]


def test_another_evaluation_is_another_run(
    settings: Settings, client: MlflowClient, tmp_path: Path
) -> None:
    made = {_log(settings, "more", tmp_path, key) for key in ("k1", "k2")}
    assert set(_runs(client, "more")) == made
    assert len(made) == 2


def test_a_run_that_was_cut_off_is_logged_again(
    settings: Settings,
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifact", cut)
        with pytest.raises(KeyboardInterrupt):
            _log(settings, "cut", tmp_path)
    whole = _log(settings, "cut", tmp_path)
    finished = [r for r in _runs(client, "cut") if client.get_run(r).info.status == "FINISHED"]
    assert finished == [whole]


def _mirror(settings: Settings, number: int, run: str) -> None:
    Tracking(settings).mirror_champion(
        "mirror", uri=f"/releases/{number}", mlflow_run=run, release=f"r{number}",
        number=number,
    )  # fmt: skip


def test_a_promotion_that_is_mirrored_twice_is_one_version_with_the_alias(
    settings: Settings, client: MlflowClient, tmp_path: Path
) -> None:
    run = _log(settings, "mirror", tmp_path)
    for number in (1, 1, 2, 2):
        _mirror(settings, number, run)
        champion = client.get_model_version_by_alias("mirror", CHAMPION)
        assert champion.tags == {"release": f"r{number}", "promotion": str(number)}
        assert str(champion.source).endswith(f"/releases/{number}")
    assert len(client.search_model_versions("name = 'mirror'")) == 2


@pytest.mark.parametrize("uri", ["sqlite:///{}/file/mlflow.db", "nosuch://host/x"])
def test_a_tracking_store_that_cannot_be_used_is_named(tmp_path: Path, uri: str) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    settings = Settings.from_environment(
        {"VINTAGE_HOME": str(tmp_path), "VINTAGE_TRACKING": uri.format(tmp_path)}
    )
    with pytest.raises(EnvironmentFaultError, match=r"^MLflow"):
        _log(settings, "s", tmp_path)
