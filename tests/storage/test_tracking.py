"""MLflow mirrors what happened: nothing twice, and the aliases stand where the releases stand."""

from pathlib import Path
from typing import Literal

import pytest
from mlflow.tracking import MlflowClient

from components.contracts.errors import EnvironmentFaultError
from components.storage.settings import Settings
from components.storage.tracking import CHALLENGER, CHAMPION, Tracking, Trial, Version

PARENT = "mlflow.parentRunId"


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


def _version(release: str, run: str) -> Version:
    return Version(release, f"/releases/{release}", run, "run-1")


def _aliases(client: MlflowClient, scenario: str) -> dict[str, str]:
    """The release that each alias stands at."""
    model = client.get_registered_model(scenario)
    return {
        alias: client.get_model_version(scenario, number).tags["release"]
        for alias, number in model.aliases.items()
    }


def test_aliases_follow_the_registry_and_a_release_is_one_version(
    settings: Settings, client: MlflowClient, tmp_path: Path
) -> None:
    run = _log(settings, "mirror", tmp_path)
    steps: list[tuple[str, Literal["champion", "challenger"], dict[str, str]]] = [
        ("a", CHALLENGER, {"challenger": "a"}),
        ("a", CHAMPION, {"champion": "a"}),
        ("b", CHALLENGER, {"champion": "a", "challenger": "b"}),
        ("c", CHALLENGER, {"champion": "a", "challenger": "c"}),
        ("b", CHAMPION, {"champion": "b", "challenger": "c"}),
        ("c", CHAMPION, {"champion": "c"}),
        ("a", CHAMPION, {"champion": "a"}),  # rolled back
        ("b", CHALLENGER, {"champion": "a", "challenger": "b"}),
        ("a", CHALLENGER, {"champion": "a"}),  # registered once more
    ]
    for release, alias, expected in steps:
        for _ in range(2):
            Tracking(settings).mirror("mirror", _version(release, run), alias)
            assert _aliases(client, "mirror") == expected
    versions = client.search_model_versions("name = 'mirror'")
    assert sorted(version.tags["release"] for version in versions) == ["a", "b", "c"]
    assert all(version.tags["run"] == "run-1" for version in versions)
    assert all(str(v.source).endswith(f"/releases/{v.tags['release']}") for v in versions)


def _trials(count: int) -> list[Trial]:
    return [
        (f"xgboost {n}", {"depth": n, "eta": 0.1}, {"auc": 0.7 + n / 100}, {"family": "xgboost"})
        for n in range(count)
    ]


def _tree(client: MlflowClient, scenario: str) -> dict[str, list[str]]:
    """The names of the finished runs below each finished run without a parent, by its name."""
    experiment = client.get_experiment_by_name(scenario)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
    parents = {r.info.run_id: r.info.run_name for r in runs if PARENT not in r.data.tags}
    return {
        name: sorted(r.info.run_name for r in runs if r.data.tags.get(PARENT) == identity)
        for identity, name in parents.items()
    }


def test_trials_are_runs_below_the_run_of_their_search(
    settings: Settings, client: MlflowClient
) -> None:
    for run in ("run-1", "run-2"):  # the second time nothing is left to do
        Tracking(settings).log_trials("trials", run=run, key="t1", trials=_trials(3))
    assert _tree(client, "trials") == {"run-1": ["xgboost 0", "xgboost 1", "xgboost 2"]}
    experiment = client.get_experiment_by_name("trials")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "attributes.run_name = 'xgboost 2'")
    assert run.data.params == {"depth": "2", "eta": "0.1"}
    assert run.data.metrics == {"auc": 0.72}
    assert run.data.tags["family"] == "xgboost"
    Tracking(settings).log_trials("trials", run="run-3", key="t2", trials=[])
    assert _tree(client, "trials")["run-3"] == []


@pytest.mark.parametrize("method", ["create_run", "log_batch", "set_terminated"])
def test_trials_that_were_cut_short_are_completed_without_doubles(
    settings: Settings, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    scenario, whole, calls = f"cut-{method}", getattr(MlflowClient, method), 0

    def cut(*args: object, **rest: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(*args, **rest)

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, method, cut)
        with pytest.raises(KeyboardInterrupt):
            Tracking(settings).log_trials(scenario, run="first", key="t", trials=_trials(4))
    Tracking(settings).log_trials(scenario, run="second", key="t", trials=_trials(4))
    assert _tree(client, scenario) == {"first": [f"xgboost {n}" for n in range(4)]}


@pytest.mark.parametrize("uri", ["sqlite:///{}/file/mlflow.db", "nosuch://host/x"])
def test_a_tracking_store_that_cannot_be_used_is_named(tmp_path: Path, uri: str) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    settings = Settings.from_environment(
        {"VINTAGE_HOME": str(tmp_path), "VINTAGE_TRACKING": uri.format(tmp_path)}
    )
    with pytest.raises(EnvironmentFaultError, match=r"^MLflow"):
        _log(settings, "s", tmp_path)
