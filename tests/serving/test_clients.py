"""Real clients on a real port: KServe's, requests, curl. All get the offline bundle's PDs."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from components.scoring.scorer import Scorer
from tests.making import REGIONS, Models, plain_rows, same_bits
from tests.serving.asking import PREDICT
from tests.serving.running import ask, running

NAME = "small-loans"
ROWS = 30
GUIDE = Path(__file__).parents[2] / "docs" / "serving.md"


@pytest.fixture(scope="module")
def url(folders: dict[str, Path]) -> Iterator[str]:
    """Where they are served."""
    with running(**folders) as server:
        yield server.url


@pytest.fixture(scope="module")
def expected(models: Models, scorer: Scorer) -> Any:
    """The PDs of the first rows, scored offline."""
    return scorer.bundle.score(models.data.inputs[:ROWS]).pd


def _with(protocol: str, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """What KServe's own client gets."""
    from kserve import InferenceRESTClient, RESTConfig

    async def asked() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol=protocol, timeout=30)) as client:
            return await ask(client)

    return asyncio.run(asked())


def test_kserve_s_client_finds_the_server_live_and_its_model_ready(url: str) -> None:
    for protocol in ("v1", "v2"):
        assert _with(protocol, lambda client: client.is_server_live(url)) is True
        assert _with(protocol, lambda client: client.is_model_ready(url, NAME)) is True
    assert _with("v2", lambda client: client.is_server_ready(url)) is True
    assert _with("v2", lambda client: client.is_model_ready(url, "nothing")) is False


def test_kserve_s_client_predicts_and_explains_over_v1(
    url: str, models: Models, expected: Any
) -> None:
    body = {"instances": plain_rows(models.data.inputs[:ROWS])}
    told = _with("v1", lambda client: client.infer(url, body, model_name=NAME))["predictions"]
    assert same_bits(np.array([one["pd"] for one in told]), expected)
    told = _with("v1", lambda client: client.explain(url, NAME, body))["explanations"]
    assert same_bits(np.array([one["pd"] for one in told]), expected)
    assert {tuple(one["parts"]) for one in told} == {
        ("INCOME", "VISITS", "REGION", "AMOUNT", "SHARE")
    }


@pytest.mark.parametrize("shape", [[ROWS], [ROWS, 1]])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("binary_answer", [True, False])
def test_kserve_s_client_infers_over_v2(
    url: str, models: Models, expected: Any, shape: list[int], binary: bool, binary_answer: bool
) -> None:
    from kserve import InferInput, InferRequest

    inputs = models.data.inputs[:ROWS]
    regions = [None if np.isnan(code) else REGIONS[int(code)] for code in inputs[:, 2]]
    income, visits, region, amount = (
        InferInput(name, shape, datatype)
        for name, datatype in (
            ("INCOME", "FP64"), ("VISITS", "INT16"), ("REGION", "BYTES"), ("AMOUNT", "FP64")
        )
    )  # fmt: skip
    for tensor, values in (
        (visits, inputs[:, 1].astype(np.int16)),
        (amount, np.ascontiguousarray(inputs[:, 3])),
    ):
        tensor.set_data_from_numpy(values.reshape(shape), binary_data=binary)
    if binary:  # missing is NaN among numbers, and an empty text
        income.set_data_from_numpy(np.ascontiguousarray(inputs[:, 0]).reshape(shape))
        texts = np.array([text or "" for text in regions], dtype=object)
        region.set_data_from_numpy(texts.reshape(shape))
    else:
        income.data = [None if np.isnan(value) else value for value in inputs[:, 0].tolist()]
        region.data = regions
    request = InferRequest(
        NAME, [income, visits, region, amount], request_id="mine",
        parameters={"binary_data_output": binary_answer},
    )  # fmt: skip
    answer = _with("v2", lambda client: client.infer(url, request, model_name=NAME))
    outputs = {output.name: output for output in answer.outputs}
    assert answer.id == "mine"
    assert list(outputs) == ["pd", "points", "decision", "release", "decision_id", "reasons"]
    assert same_bits(outputs["pd"].as_numpy(), expected)
    assert outputs["points"].as_numpy().dtype == np.int64
    told = [json.loads(text) for text in outputs["reasons"].data]
    assert all({"code", "feature", "text"} == set(one) for reasons in told for one in reasons)


def test_requests_gets_the_same_over_both_protocols(
    url: str, models: Models, expected: Any
) -> None:
    rows = plain_rows(models.data.inputs[:ROWS])
    with requests.Session() as session:
        session.trust_env = False
        first = session.post(f"{url}/v1/models/{NAME}:predict", json={"instances": rows})
        tensors = [
            {"name": n, "shape": [ROWS], "datatype": kind, "data": [row.get(n) for row in rows]}
            for n, kind in (
                ("AMOUNT", "FP64"), ("REGION", "BYTES"), ("VISITS", "INT64"), ("INCOME", "FP64")
            )
        ]  # fmt: skip
        second = session.post(f"{url}/v2/models/{NAME}/infer", json={"inputs": tensors})
    found = {output["name"]: output["data"] for output in second.json()["outputs"]}
    told = first.json()["predictions"]
    assert [one["pd"] for one in told] == found["pd"] == expected.tolist()
    assert [one["points"] for one in told] == found["points"]
    assert [one["reasons"] for one in told] == [json.loads(text) for text in found["reasons"]]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_every_line_of_the_page_works_when_it_is_pasted(url: str) -> None:
    page = subprocess.run(  # noqa: S603 - our own address
        ["curl", "-s", "--noproxy", "*", f"{url}/docs"],  # noqa: S607 - the user's own curl
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [unescape(line) for line in re.findall(r"<pre>(.*?)</pre>", page)]
    assert len(lines) == 8
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "curl"
        assert words[2].startswith(url)
        words[1:1] = ["--noproxy", "*", "--fail"]
        done = subprocess.run(words, capture_output=True, check=True)  # noqa: S603
        assert json.loads(done.stdout).keys() & {"predictions", "explanations", "outputs"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_every_line_of_the_guide_works_when_it_is_pasted(url: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in re.split(r"\n(?=\S)", block.strip())]
    # A row of card-default is none of the scenario that is served here; tests/docs reads it.
    lines = [line for line in lines if "LIMIT_BAL" not in line]
    assert len(lines) > 10
    for line in lines:
        asked = line.replace("localhost:8080", url).replace("card-default", NAME)
        words = shlex.split(asked)
        assert words[0] == "curl"
        words[1:1] = ["--noproxy", "*", "--fail"]
        done = subprocess.run(words, capture_output=True, check=True)  # noqa: S603 - our own page
        assert done.stdout


def test_the_client_of_the_guide_gets_the_scores(
    url: str, models: Models, scorer: Scorer, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    exec(  # noqa: S102 - our own page
        block.replace("http://localhost:8080", url).replace("card-default", NAME), {}
    )
    assert capsys.readouterr().out == f"{scorer.bundle.score(models.data.inputs[17:19]).pd}\n"


def test_the_answers_of_the_guide_have_the_members_of_real_ones(url: str) -> None:
    shown = [
        json.loads(one) for one in re.findall(r"```json\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    ]
    bodies = ({"instances": ["17"]}, {"instances": [{"WEALTH": 1}]})
    found = [ask(url, PREDICT, json.dumps(body).encode()).json() for body in bodies]
    assert [one.keys() for one in shown] == [one.keys() for one in found]
    (told,), (real,) = (one["predictions"] for one in (shown[0], found[0]))
    assert told.keys() == real.keys()
    assert told["reasons"][0].keys() == real["reasons"][0].keys()
