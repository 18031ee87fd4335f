"""A bundle: the same row scores the same anywhere, and nothing unverified is ever parsed."""

import json
import math
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.contracts.errors import BundleError, VintageError
from components.scoring.bundle import (
    BUNDLE,
    CARD,
    GOLDEN,
    MODEL,
    REFERENCE,
    SCORECARD,
    SPEC,
    Bundle,
    verify_hashes,
    write_manifest,
)
from components.scoring.spec import Spec
from tests.making import (
    FAMILIES,
    Models,
    copy_of,
    inputs_of,
    packages_after,
    plain_columns,
    plain_rows,
    rewrite,
    same_bits,
)

families = pytest.mark.parametrize("family", FAMILIES)
_ALL = [BUNDLE, CARD, GOLDEN, REFERENCE, SPEC]
FILES = {
    "xgboost": sorted([*_ALL, MODEL]),
    "tree": sorted([*_ALL, MODEL]),
    "forest": sorted([*_ALL, MODEL]),
    "logistic": sorted(_ALL),
    "scorecard": sorted([*_ALL, SCORECARD]),
}


@pytest.fixture
def unread() -> Iterator[None]:
    """Neither the specification nor the model may be read while this is in use."""
    read = AssertionError("a parser saw a file that was not verified")
    with (
        patch("onnxruntime.InferenceSession", side_effect=read),
        patch.object(Spec, "from_json", side_effect=read),
    ):
        yield


@pytest.fixture
def folder(models: Models, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A copy of a bundle to spoil."""
    with copy_of(models.folder / getattr(request, "param", "xgboost")) as copied:
        yield copied


@families
@settings(deadline=None, max_examples=25)
@given(rows=st.integers(1, 700), seed=st.integers(0, 2**32 - 1), cut=st.floats(0, 1))
def test_a_row_scores_the_same_to_the_bit_in_any_batch_order_and_place(
    models: Models, family: str, rows: int, seed: int, cut: float
) -> None:
    bundle, matrix = models.bundle(family), inputs_of(rows, seed)
    whole = bundle.score(matrix)
    parts_of_all = bundle.explain(matrix)
    order = np.random.default_rng(seed).permutation(rows)
    assert same_bits(bundle.score(matrix[order]).pd, whole.pd[order])
    at = int(cut * rows)
    parts = [bundle.score(part).pd for part in (matrix[:at], matrix[at:])]
    assert same_bits(np.concatenate(parts), whole.pd)
    assert same_bits(bundle.score(np.asfortranarray(matrix)).pd, whole.pd)
    for place in order[:15]:
        assert same_bits(bundle.score(matrix[[place]]).margin, whole.margin[[place]])
        assert same_bits(bundle.score(matrix[[place]]).pd, whole.pd[[place]])
        assert same_bits(bundle.explain(matrix[[place]]), parts_of_all[[place]])
        assert same_bits(
            bundle.score(np.repeat(matrix[[place]], 9, axis=0)).pd[8:], whole.pd[[place]]
        )


@families
def test_a_row_scores_the_same_given_as_a_row_or_in_columns(models: Models, family: str) -> None:
    bundle, matrix = models.bundle(family), inputs_of(60, 3)
    from_rows = bundle.score(bundle.rows(plain_rows(matrix))).pd
    assert same_bits(from_rows, bundle.score(matrix).pd)
    assert same_bits(from_rows, bundle.score(bundle.columns(plain_columns(matrix))).pd)


@families
@settings(deadline=None, max_examples=100)
@given(
    income=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    amount=st.floats(0, allow_infinity=False),
    visits=st.integers(0, 9),
)
def test_a_row_that_is_accepted_gets_a_probability(
    models: Models, family: str, income: float | None, amount: float, visits: int
) -> None:
    bundle = models.bundle(family)
    row = {"INCOME": income, "VISITS": visits, "AMOUNT": amount}
    pd = float(bundle.score(bundle.rows([row])).pd[0])
    assert 0.0 <= pd <= 1.0


@families
def test_no_rows_score_as_no_rows(models: Models, family: str) -> None:
    bundle = models.bundle(family)
    assert bundle.score(bundle.rows([])).pd.shape == (0,)


@families
def test_points_double_the_odds_as_the_scale_says(models: Models, family: str) -> None:
    bundle = models.bundle(family)
    pds = np.array([1 / 51, 1 / 101, 1 / 26, 0.5])  # odds of 50, 100, 25 and 1 to one bad
    assert bundle.points(pds).tolist() == [600, 620, 580, round(600 - 20 * math.log2(50))]
    assert bundle.points(np.array([0.0, 1.0])).tolist() == [1085, -111]


@families
def test_a_bundle_names_itself_by_its_content(models: Models, family: str) -> None:
    bundle = models.bundle(family)
    assert bundle.id == models.of(family).bundle == verify_hashes(models.folder / family)
    assert sorted(p.name for p in (models.folder / family).iterdir()) == FILES[family]


@families
@settings(deadline=None, max_examples=60)
@given(drawn=st.data())
def test_a_bundle_with_one_changed_byte_is_never_read(
    models: Models, family: str, drawn: st.DataObject
) -> None:
    with copy_of(models.folder / family) as folder:
        path = folder / drawn.draw(st.sampled_from(FILES[family]))
        content = bytearray(path.read_bytes())
        place = drawn.draw(st.integers(0, len(content) - 1))
        content[place] ^= drawn.draw(st.integers(1, 255))
        path.write_bytes(content)
        with (
            patch("onnxruntime.InferenceSession", side_effect=AssertionError),
            patch.object(Spec, "from_json", side_effect=AssertionError),
            pytest.raises(BundleError, match=r"expected (id|sha256) [0-9a-f]{12}, found"),
        ):
            Bundle.load(folder, models.of(family).bundle)


def _truncate(folder: Path) -> None:
    (folder / MODEL).write_bytes((folder / MODEL).read_bytes()[:-1])


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / MODEL).unlink(), "expected ['card.json', 'golden.json', 'model.onnx', "),
        (lambda f: (f / "extra.txt").write_text("x"), "found ['card.json', 'extra.txt', "),
        (lambda f: (f / "extra").mkdir(), "found ['card.json', 'extra', "),
        (lambda f: (f / BUNDLE).unlink(), "expected a folder with bundle.json, found none"),
        (lambda f: (f / BUNDLE).write_text("{}"), "bundle.json is not a bundle's manifest"),
        (lambda f: (f / BUNDLE).write_text("[1]"), "bundle.json is not a bundle's manifest"),
        (lambda f: (f / BUNDLE).write_bytes(b"\xff"), "bundle.json is not a bundle's manifest"),
        (lambda f: (f / BUNDLE).write_text('{"format": 1, "files": null}'), "manifest"),
        (lambda f: (f / BUNDLE).write_text('{"format": 1, "files": []}'), "bundle"),
        (_truncate, "model.onnx: expected sha256"),
    ],
)
def test_a_spoiled_bundle_is_refused_before_it_is_read(
    folder: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(folder)
    with pytest.raises(BundleError, match=re.escape(message)):
        Bundle.load(folder)


@pytest.mark.usefixtures("unread")
def test_a_folder_that_is_not_there_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"expected a folder with bundle\.json, found none"):
        Bundle.load(tmp_path / "nowhere")


@pytest.mark.usefixtures("unread")
def test_another_bundle_than_the_expected_one_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"expected id 000000000000, found [0-9a-f]{12}"):
        Bundle.load(folder, "0" * 64)


@pytest.mark.usefixtures("unread")
def test_a_manifest_of_a_newer_format_is_refused_before_anything_is_read(folder: Path) -> None:
    manifest = json.loads((folder / BUNDLE).read_text())
    (folder / BUNDLE).write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(BundleError, match="expected format 1, found 2"):
        Bundle.load(folder)


@pytest.mark.parametrize("other", [3, 5])
def test_a_specification_of_another_format_is_refused_before_the_model_is_read(
    folder: Path, other: int
) -> None:
    identity = rewrite(folder, SPEC, lambda spec: spec.update(format=other))
    with (
        patch("onnxruntime.InferenceSession", side_effect=AssertionError),
        pytest.raises(BundleError, match=f"expected format 4, found {other}; a newer format nee"),
    ):
        Bundle.load(folder, identity)


@families
def test_a_specification_comes_back_from_its_text(models: Models, family: str) -> None:
    spec = models.bundle(family).spec
    assert Spec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("folder", FAMILIES, indirect=True)
def test_the_golden_rows_hold_missing_values_and_score_as_recorded(folder: Path) -> None:
    golden = json.loads((folder / GOLDEN).read_text())
    assert any(value is None for row in golden["rows"] for value in row.values())
    assert Bundle.load(folder).verify() == len(golden["rows"]) >= 20


@pytest.mark.parametrize("folder", FAMILIES, indirect=True)
def test_a_golden_row_that_scores_otherwise_in_the_last_bit_is_told(folder: Path) -> None:
    pds = json.loads((folder / GOLDEN).read_text())["pd"]
    off = [*pds[:3], math.nextafter(pds[3], 1), *pds[4:]]
    identity = rewrite(folder, GOLDEN, lambda golden: golden.update(pd=off))
    expected = f"1 of {len(pds)} golden rows score otherwise than recorded; row 3: expected PD "
    with pytest.raises(BundleError, match=f"{expected}{off[3]}, found {pds[3]}"):
        Bundle.load(folder, identity).verify()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda golden: golden.update(rows=[], pd=[], points=[], reasons=[]),
        lambda golden: golden["pd"].pop(),
        lambda golden: golden["rows"].pop(),
        lambda golden: golden["reasons"].pop(),
    ],
    ids=["none", "fewer PDs than rows", "more PDs than rows", "fewer reasons"],
)
def test_golden_rows_that_prove_nothing_are_refused(
    folder: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    identity = rewrite(folder, GOLDEN, spoil)
    with pytest.raises(BundleError, match="golden"):
        Bundle.load(folder, identity).verify()


@pytest.mark.parametrize("change", [lambda pds: pds[:-1], lambda pds: [*pds, 0.5], lambda _: []])
def test_as_many_golden_rows_must_be_scored_as_there_are(
    folder: Path, change: Callable[[list[float]], list[float]]
) -> None:
    bundle = Bundle.load(folder)
    golden = bundle.golden()
    recorded = golden.pd
    bundle.compare_golden(golden, recorded)
    scored = change(recorded)
    expected = f"expected {len(recorded)} PDs of the golden rows, found {len(scored)}"
    with pytest.raises(BundleError, match=expected):
        bundle.compare_golden(golden, scored)


@pytest.mark.parametrize(
    ("name", "other"), [("points", 1), ("reasons", ["NONE"])], ids=["points", "reasons"]
)
def test_golden_rows_prove_points_and_reasons_too(folder: Path, name: str, other: object) -> None:
    def change(golden: dict[str, list[object]]) -> None:
        golden[name][2] = other

    identity = rewrite(folder, GOLDEN, change)
    with pytest.raises(BundleError, match="other points or reasons than recorded"):
        Bundle.load(folder, identity).verify()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (REFERENCE, lambda r: r["features"].pop("INCOME"), "reference.json of the features"),
        (REFERENCE, lambda r: r["percentiles"].pop(), "reference.json with 101 percentiles"),
        (SPEC, lambda spec: spec["reasons"].pop(), "a reason a feature"),
        (CARD, lambda card: card.update(scenario="other"), "card.json of small-loans"),
    ],
)
def test_a_bundle_whose_parts_do_not_fit_does_not_verify(
    folder: Path, name: str, change: Callable[[Any], object], message: str
) -> None:
    identity = rewrite(folder, name, change)
    with pytest.raises(BundleError, match=f"expected {message}, found otherwise"):
        Bundle.load(folder, identity).verify()


def test_a_pickle_where_the_model_should_be_is_refused_unopened(folder: Path) -> None:
    (folder / MODEL).write_bytes(pickle.dumps(_Boom()))
    with pytest.raises(BundleError, match=r"model\.onnx: expected sha256"):
        Bundle.load(folder)
    with pytest.raises(BundleError, match=r"model\.onnx: expected an ONNX model, found: "):
        Bundle.load(folder, write_manifest(folder))


class _Boom:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return _explode, ("unpickled",)


def _explode(text: str) -> None:
    raise AssertionError(text)


@pytest.mark.usefixtures("unread")
def test_a_bundle_holds_no_files_but_its_own(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"expected only card\.json, .*, found \['model\.pkl'\]"):
        Bundle.load(folder, write_manifest(folder))


def test_a_model_outside_of_the_bundle_is_refused(folder: Path) -> None:
    identity = rewrite(folder, SPEC, lambda spec: spec["model"].update(file="../model.onnx"))
    with pytest.raises(BundleError, match=r"expected a model beside it, found '\.\./model\.onnx'"):
        Bundle.load(folder, identity)


def test_golden_rows_that_are_no_rows_of_the_bundle_are_refused(folder: Path) -> None:
    strange = {"rows": [{"WEALTH": 1}], "pd": [0.5], "points": [1], "reasons": [[]]}
    identity = rewrite(folder, GOLDEN, lambda golden: golden.update(strange))
    with pytest.raises(VintageError, match="WEALTH: not an input"):
        Bundle.load(folder, identity).verify()


def test_the_scorer_needs_numpy_and_onnx_runtime_and_nothing_else() -> None:
    rooms = "bundle, expressions, instances, model, reasons, reference, release, scorer, snapshot"
    found = packages_after(f"from components.scoring import {rooms}")
    assert found == {"components", "numpy", "onnxruntime"}
