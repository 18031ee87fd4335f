"""`vintage submit` with KFP's own client, on a KFP in memory behind its HTTP API."""

from collections.abc import Callable, Iterator
from pathlib import Path

import kubernetes.config
import pytest

import pipelines.scenarios
from components.contracts.scenario import Scenario
from pipelines import submitting
from pipelines.cli import main
from pipelines.kinds import KINDS
from pipelines.scenarios import load
from pipelines.submitting import Compiled, compiled
from tests.pipelines.fake_kfp import FakeKfp, look, pod, serving, task, tried
from tests.support import free_port

CRON = "0 0 6 2 * *"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Compiled]:
    """Compilation takes a second: what a file declares is compiled once for all tests."""
    made: dict[tuple[str, str], Compiled] = {}

    def compile_once(scenario: Scenario, kind: str, folder: Path) -> Compiled:
        if scenario != load(scenario.name):
            return compiled(scenario, kind, folder)
        if (scenario.name, kind) not in made:
            made[scenario.name, kind] = compiled(scenario, kind, tmp_path_factory.mktemp("ir"))
        return made[scenario.name, kind]

    return compile_once


@pytest.fixture
def kfp(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, once: Callable[..., Compiled]
) -> Iterator[FakeKfp]:
    """A KFP that `vintage submit` finds; nobody waits between two looks."""
    monkeypatch.setattr(submitting, "compiled", once)
    monkeypatch.setattr(submitting, "_POLL_S", 0)
    monkeypatch.setenv("HOME", str(tmp_path))  # KFP's client reads its own settings there
    with serving(FakeKfp()) as server:
        monkeypatch.setenv("VINTAGE_KFP", server.url)
        yield server


@pytest.fixture
def cluster(kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeKfp:
    """A KFP without an address: behind the API server of KUBECONFIG's cluster."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
        f"clusters: [{{name: here, cluster: {{server: '{kfp.url}'}}}}]\n"
        "users: [{name: me, user: {}}]\n"
        "contexts: [{name: here, context: {cluster: here, user: me}}]\n"
    )
    monkeypatch.delenv("VINTAGE_KFP")
    _configure(monkeypatch, path)
    return kfp


def _configure(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Make a file the KUBECONFIG; the client reads the variable once, when it is imported."""
    for module in (kubernetes.config, kubernetes.config.kube_config):
        monkeypatch.setattr(module, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))


def _submit(*words: str) -> int:
    return main(("submit", *words))


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said of words that submit nothing."""
    capsys.readouterr()
    assert _submit(*words) == 1
    found = capsys.readouterr()
    assert found.out == ""
    return found.err.removeprefix("vintage: ").strip()


def _told(kfp: FakeKfp) -> dict[str, str]:
    """The parameters of the last run."""
    *_, last = kfp.runs.values()
    return dict(last["runtime_config"].get("parameters", {}))


def test_a_run_is_of_an_uploaded_version_in_the_scenario_s_experiment(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    kfp.looks = [
        look("RUNNING", task("ingest", "RUNNING")),
        look("RUNNING", task("ingest", "SUCCEEDED", 61), task("features", "RUNNING")),
        look("SUCCEEDED", task("ingest", "SUCCEEDED", 61), task("features", "SUCCEEDED", 9)),
    ]
    assert _submit("card-default") == 0
    (version,), (run,) = kfp.versions.values(), kfp.runs.items()
    assert run[1]["pipeline_version_reference"] == {
        "pipeline_id": version["pipeline_id"],
        "pipeline_version_id": version["pipeline_version_id"],
    }
    assert [one["display_name"] for one in kfp.pipelines.values()] == ["card-default-training"]
    assert kfp.experiments[run[1]["experiment_id"]]["display_name"] == "card-default"
    assert run[1]["display_name"].startswith("card-default-training 2")
    assert _told(kfp) == {"data": "s3://vintage/data/card-default/"}
    said = capsys.readouterr().out
    assert f"{kfp.url}/#/runs/details/{run[0]}" in said
    # A line a task as it ends, and none for what KFP makes beside it.
    lines = [line.split() for line in said.splitlines() if " s  " in line]
    assert lines == [["ingest", "61.0", "s", "succeeded"], ["features", "9.0", "s", "succeeded"]]


def test_what_is_uploaded_is_the_compiled_pipeline_and_an_unchanged_one_is_not_again(
    kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _submit("card-default", "--pipeline", "challenge") == 0
    assert b"name: card-default-challenge" in kfp.uploads[0] and b"platforms:" in kfp.uploads[0]
    assert ", uploaded\n" in capsys.readouterr().out
    assert _submit("card-default", "--pipeline", "challenge") == 0
    assert (len(kfp.uploads), len(kfp.runs)) == (1, 2)
    assert "which is there already" in capsys.readouterr().out

    _declare(monkeypatch, load("card-default").model_copy(update={"title": "Another title"}))
    assert _submit("card-default", "--pipeline", "challenge") == 0
    assert len({one["display_name"] for one in kfp.versions.values()}) == len(kfp.uploads) == 2
    assert (len(kfp.pipelines), len(kfp.experiments)) == (1, 1)


def _declare(monkeypatch: pytest.MonkeyPatch, scenario: Scenario) -> None:
    monkeypatch.setattr(pipelines.scenarios, "load", lambda _: scenario)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["training", "--data", "s3://a/b/", "--as-of", "2024-08"],
         {"data": "s3://a/b/", "as_of": "2024-08"}),
        (["exploration", "--as-of", "last month"],
         {"data": "s3://vintage/data/loan-default/", "as_of": "last month"}),
        (["scoring"], {"data": "s3://vintage/data/loan-default/"}),
        (["monthly", "--as-of", "2024-08"],
         {"data": "s3://vintage/data/loan-default/", "as_of": "2024-08"}),
        (["monitoring", "--month", "2024-08"], {"month": "2024-08"}),
        (["challenge", "--release", "3f9a"], {"release": "3f9a"}),
        (["release", "--release", "3f9a", "--why", "complaints"],
         {"release": "3f9a", "why": "complaints"}),
        (["release"], {}),
    ],
)  # fmt: skip
def test_a_pipeline_is_told_its_own_parameters(
    words: list[str], told: dict[str, str], kfp: FakeKfp
) -> None:
    assert _submit("loan-default", "--pipeline", *words) == 0
    assert _told(kfp) == told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--month", "2024-08"],
         "--month: expected with a pipeline that has this parameter, found --pipeline training, "
         "which takes --data, --as-of"),
        (["--pipeline", "challenge", "--data", "s3://a/"],
         "--data: expected with a pipeline that has this parameter, found --pipeline challenge, "
         "which takes --release"),
        (["--pipeline", "monitoring"], "--month: expected with --pipeline monitoring"),
        (["--pipeline", "monitoring", "--month", "2024-8"],
         "--month: expected a month such as 2024-08, found '2024-8'"),
        (["--pipeline", "release", "--why", " "], "--why: expected a value, found an empty word"),
        (["--data", "my-files"],
         "--data: expected a URI that pods can read, such as s3://vintage/data/card-default/, "
         "found 'my-files'"),
        (["--as-of", "yesterday"],
         "as-of 'yesterday': expected a month (2024-03), a day (2024-03-15) or 'last month'"),
        (["--pipeline", "monthly"],
         "--pipeline monthly: expected a scenario whose sources have dates, found card-default"),
        (["--timeout", "0"], "--timeout: expected more than 0 minutes, found 0"),
        (["--every", CRON], "--every: expected sources with dates, found card-default"),
        (["--host", "localhost:8080"],
         "KFP 'localhost:8080': expected an address such as http://localhost:8080"),
    ],
)  # fmt: skip
def test_what_no_run_could_make_sense_of_is_refused_before_anything_is_there(
    words: list[str], said: str, kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _refused(capsys, "card-default", *words) == said
    assert kfp.asked == []


def test_a_run_that_fails_ends_with_the_failed_task_s_words(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    kfp.looks = [look("FAILED", task("ingest", "FAILED", 12), task("finish", "SUCCEEDED", 7))]
    kfp.logs[pod("ingest", 0)] = kfp.logs[pod("ingest", 1)] = (
        "[KFP Executor 2024-09-02 06:00:00,000 INFO]: Got executor_input:\n"
        '{\n    "inputs": {\n    }\n}\n'
        "ingest: card-default: 1 contract failure\n  - profile: expected at least one row\n"
        "F0902 06:00:12.000000      20 main.go:54] failed to execute component: exit status 1\n"
        'time="2024-09-02T06:00:12 UTC" level=info msg="sub-process exited"\nError: exit status 1\n'
    )
    assert _submit("card-default") == 1
    found = capsys.readouterr()
    assert ["ingest", "12.0", "s", "failed"] in [line.split() for line in found.out.splitlines()]
    assert found.err == (
        "vintage: card-default: run run_id-1 ended as failed\n"
        "ingest: card-default: 1 contract failure\n  - profile: expected at least one row\n"
    )


def test_where_the_pods_are_gone_a_failure_has_no_words(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    # KFP 2.16 says that it could not with the status of one that could.
    missing = '{"error_message":"BadRequestError: Failed to read logs"}'
    kfp.logs[pod("ingest", 0)] = kfp.logs[pod("ingest", 1)] = missing
    kfp.looks = [look("FAILED", task("ingest", "FAILED", 12))]
    assert _submit("card-default") == 1
    assert capsys.readouterr().err == "vintage: card-default: run run_id-1 ended as failed\n"


def test_without_an_address_kfp_is_reached_through_the_cluster_and_its_pods_tell_of_the_run(
    cluster: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.looks = [look("RUNNING"), look("RUNNING"), look("SUCCEEDED")]
    first, second = tried("train", 0, "Failed", 10, 137), tried("train", 1, "Succeeded", 52)
    cluster.pods = [[tried("train", 0, "Running")], [first], [first, second]]
    assert _submit("card-default") == 0
    said = capsys.readouterr().out
    assert "http://localhost:8080/#/runs/details/run_id-1" in said
    assert "after: kubectl -n kubeflow port-forward svc/ml-pipeline-ui 8080:80" in said
    lines = [line.split() for line in said.splitlines() if " s  " in line]
    assert lines == [["train", "10.0", "s", "failed"], ["train", "52.0", "s", "succeeded"]]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("{\n}\ningest: data s3://a/: expected source files, found nothing\nError: exit status 1\n",
         "ingest: data s3://a/: expected source files, found nothing"),
        ("", "ingest: OOMKilled, status 137"),
    ],
)  # fmt: skip
def test_a_run_of_the_cluster_that_fails_ends_with_the_words_of_the_last_try(
    log: str, words: str, cluster: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.looks = [look("FAILED")]
    # Who was tried again and succeeded is no reason for the run's end.
    better = [tried("train", 0, "Failed", 1, 1), tried("train", 1, "Succeeded", 1)]
    cluster.pods = [[*better, *(tried("ingest", n, "Failed", 5, 137) for n in range(2))]]
    cluster.logs[pod("train", 0)] = "train: timed out after 10 minutes\n"
    cluster.logs[pod("ingest", 1)] = log
    assert _submit("card-default") == 1
    told = capsys.readouterr().err
    assert told == f"vintage: card-default: run run_id-1 ended as failed\n{words}\n"


def test_a_run_that_somebody_cancels_is_no_success(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    kfp.looks = [look("RUNNING"), look("CANCELED")]
    assert _submit("card-default") == 1
    assert "run run_id-1 ended as canceled" in capsys.readouterr().err


def test_a_run_is_followed_for_a_bounded_time_and_goes_on(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    kfp.looks = [look("RUNNING")]
    assert _submit("card-default", "--timeout", "0.0001") == 1
    assert (
        "run run_id-1: expected its end within 0.0001 minutes, found it RUNNING; it goes on: "
        f"{kfp.url}/#/runs/details/run_id-1"
    ) in capsys.readouterr().err


def test_a_kfp_that_is_away_for_a_moment_is_asked_again(
    kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kfp.refuses["GET", "/runs/"] = 503, "upstream connect error"
    monkeypatch.setattr(submitting.time, "sleep", lambda _: kfp.refuses.clear())
    assert _submit("card-default") == 0
    kfp.refuses["GET", "/runs/"] = 503, "upstream connect error"
    monkeypatch.setattr(submitting.time, "sleep", lambda _: None)
    assert _submit("card-default") == 1
    said = f"KFP at {kfp.url}: expected its API to answer, found: upstream connect error"
    assert said in capsys.readouterr().err


def test_where_there_is_no_kfp_one_message_says_so(
    kfp: FakeKfp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    said = _refused(capsys, "card-default", "--host", away)
    assert said.startswith(f"KFP at {away}: expected an answer, found: ")
    assert said.count("\n") == 0

    kfp.refuses["GET", "/healthz"] = 404, "page not found"
    assert _refused(capsys, "card-default") == (
        f"KFP at {kfp.url}: expected its API to answer, found: page not found"
    )
    kfp.refuses["GET", "/healthz"] = 200, "any server says something"
    assert _refused(capsys, "card-default") == (
        f"KFP at {kfp.url}: expected KFP's API, found a server that is none"
    )
    monkeypatch.delenv("VINTAGE_KFP")
    _configure(monkeypatch, Path("/nowhere"))
    assert _refused(capsys, "card-default").startswith(
        "KFP: expected its address (--host, VINTAGE_KFP) or a cluster (KUBECONFIG), found neither"
    )


@pytest.mark.parametrize(
    ("method", "part", "what"),
    [
        ("POST", "/pipelines", "pipeline card-default-training"),
        ("POST", "/upload_version", "pipeline card-default-training"),
        ("POST", "/experiments", "experiment card-default"),
        ("POST", "/runs", "run card-default-training 2"),
    ],
)
def test_what_kfp_refuses_is_named_with_its_words(
    method: str, part: str, what: str, kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    kfp.refuses[method, part] = 400, "Invalid input error:\n  the name is too long"
    said = _refused(capsys, "card-default")
    assert said.startswith(what)
    assert said.endswith(": KFP refused it: Invalid input error: the name is too long")
    assert kfp.runs == {}


def _monthly(*words: str) -> tuple[str, ...]:
    return ("loan-default", "--pipeline", "monthly", *words)


def test_a_pipeline_recurs_as_of_the_month_before_and_there_is_one_such_run(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _submit(*_monthly("--every", CRON)) == 0
    assert "loan-default-monthly recurs at '0 0 6 2 * *' UTC" in capsys.readouterr().out
    (first,) = kfp.recurringruns.values()
    assert first["display_name"] == "loan-default-monthly"
    assert (first["mode"], first["no_catchup"]) == ("ENABLE", True)
    assert first["trigger"] == {"cron_schedule": {"cron": CRON}}
    assert first["runtime_config"]["parameters"] == {
        "data": "s3://vintage/data/loan-default/", "as_of": "last month",
    }  # fmt: skip
    assert _submit(*_monthly("--every", "0 0 7 3 * *", "--data", "s3://b/")) == 0
    assert "the former one is gone" in capsys.readouterr().out
    (second,) = kfp.recurringruns.values()
    assert second["trigger"] == {"cron_schedule": {"cron": "0 0 7 3 * *"}}
    assert second["runtime_config"]["parameters"]["data"] == "s3://b/"
    assert kfp.runs == {}


def test_a_recurring_run_that_kfp_refuses_leaves_the_former_one(
    kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _submit(*_monthly("--every", CRON)) == 0
    kfp.refuses["POST", "/recurringruns"] = 400, "Schedule cron is not supported"
    assert _refused(capsys, *_monthly("--every", "0 0 99 2 * *")) == (
        "recurring run loan-default-monthly: KFP refused it: Schedule cron is not supported"
    )
    assert [one["trigger"]["cron_schedule"]["cron"] for one in kfp.recurringruns.values()] == [CRON]


def test_a_recurring_run_is_stopped(kfp: FakeKfp, capsys: pytest.CaptureFixture[str]) -> None:
    assert _refused(capsys, *_monthly("--stop")) == (
        "recurring run loan-default-monthly: expected one at KFP, found none"
    )
    assert _submit(*_monthly("--every", CRON)) == 0
    assert _submit(*_monthly("--stop")) == 0
    assert [one["mode"] for one in kfp.recurringruns.values()] == ["DISABLE"]
    assert "loan-default-monthly no longer recurs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--every", "0 6 2 * *"],
         "--every: expected six fields (second minute hour day month weekday), found '0 6 2 * *'"),
        (["--every", CRON, "--as-of", "2024-08"],
         "--as-of: expected 'last month' with --every, found '2024-08'"),
        (["--every", CRON, "--stop"], "--every: expected without --stop, found both"),
        (["--every", CRON, "--pipeline", "release"],
         "--every: expected a pipeline with an as-of, found --pipeline release"),
    ],
)  # fmt: skip
def test_what_could_not_recur_as_meant_is_refused(
    words: list[str], said: str, kfp: FakeKfp, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _refused(capsys, *_monthly(*words)) == said
    assert kfp.recurringruns == {}


def test_every_kind_is_a_module_that_makes_it() -> None:
    files = {path.stem for path in Path(pipelines.__path__[0]).glob("*.py")}
    assert set(KINDS) <= files
