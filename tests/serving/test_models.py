"""What is served follows what is declared; what does not verify changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pytest

from components.contracts.errors import BundleError, VintageError
from components.scoring.release import BUNDLE, RELEASE, Release
from components.scoring.scorer import Scorer
from serving import models as served_models
from serving.models import Declared, Models, Served
from tests.making import Models as Trained
from tests.making import score_otherwise

NAME = "small-loans"


@pytest.fixture
def folders(models: Trained, tmp_path: Path) -> dict[str, Path]:
    """Releases of two families, and one that is damaged."""
    made = {
        name: models.release(family, tmp_path / name)
        for name, family in (
            ("xgboost", "xgboost"), ("logistic", "logistic"), ("damaged", "logistic"),
            ("another", "logistic"),
        )
    }  # fmt: skip
    score_otherwise(made["another"])
    (made["damaged"] / BUNDLE / "card.json").write_text("{}")
    return made


class Wanted:
    """A source that says what it is told to."""

    def __init__(self, **declared: Declared) -> None:
        self.declared: Mapping[str, Declared] = {NAME: declared["first"]} if declared else {}

    def __call__(self) -> Mapping[str, Declared]:
        return self.declared


def test_a_new_release_replaces_the_old_one(folders: dict[str, Path]) -> None:
    wanted = Wanted(first=Declared(folders["xgboost"]))
    found = Models(wanted)
    before = found.served[NAME]
    assert found.refresh() == {}
    assert found.served[NAME] is before
    wanted.declared = {NAME: Declared(folders["logistic"])}
    assert found.refresh() == {}
    assert found.served[NAME].champion.id == Release.read(folders["logistic"]).id
    assert before.champion.id == Release.read(folders["xgboost"]).id


_OTHERWISE = r"golden rows score otherwise than recorded; row 3: expected PD"


@pytest.mark.parametrize(
    ("spoiled", "why"),
    [("damaged", "card.json: expected sha256"), ("another", _OTHERWISE)],
)
def test_a_release_that_does_not_verify_leaves_the_old_one_serving(
    folders: dict[str, Path], spoiled: str, why: str
) -> None:
    wanted = Wanted(first=Declared(folders["xgboost"]))
    found = Models(wanted)
    before = found.served[NAME]
    wanted.declared = {NAME: Declared(folders[spoiled])}
    assert why in found.refresh()[NAME]
    assert found.served[NAME] is before
    assert list(found.refused) == [NAME]
    wanted.declared = {NAME: Declared(folders["logistic"])}
    assert found.refresh() == {}
    assert found.served[NAME] is not before
    assert not found.refused


def test_a_folder_that_was_mended_is_looked_at_again(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(first=Declared(folders["xgboost"]))
    found = Models(wanted)
    wanted.declared = {NAME: Declared(folders["damaged"])}
    assert found.refresh()
    rmtree(folders["damaged"])
    copytree(folders["logistic"], folders["damaged"])
    assert found.refresh()  # not yet: what was refused is not read again at every look
    monkeypatch.setattr(served_models, "_AGAIN_S", -1.0)
    assert found.refresh() == {}


@pytest.mark.parametrize(
    ("family", "identity", "name", "message"),
    [
        ("damaged", None, NAME, r"card\.json: expected sha256"),
        ("another", None, NAME, _OTHERWISE),
        ("xgboost", "0" * 64, NAME, "expected id 000000000000, found "),
        ("xgboost", None, "card-default", "expected one of card-default, found one of small-loans"),
    ],
)
def test_a_server_does_not_start_with_a_release_that_is_not_the_one(
    folders: dict[str, Path], family: str, identity: str | None, name: str, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        Models(lambda: {name: Declared(folders[family], identity)})


def test_a_scenario_that_is_declared_no_more_is_served_no_more(folders: dict[str, Path]) -> None:
    wanted = Wanted(first=Declared(folders["xgboost"]))
    found = Models(wanted)
    wanted.declared = {}
    found.refresh()
    assert found.served == {}


@pytest.mark.parametrize(
    ("share", "challenger", "message"),
    [
        (0.0, "damaged", r"card\.json: expected sha256"),
        (0.5, "another", _OTHERWISE),
        (1.5, "logistic", "expected a challenger's share from 0 to 1, found 1.5"),
        (float("nan"), "logistic", "expected a challenger's share from 0 to 1, found nan"),
    ],
)
def test_whatever_is_wrong_with_the_challenger_the_champion_answers(
    folders: dict[str, Path], share: float, challenger: str, message: str
) -> None:
    declared = Declared(folders["xgboost"], challenger=folders[challenger], share=share)
    found = Models(lambda: {NAME: declared})
    assert found.served[NAME].challenger is None
    assert message.replace("\\", "") in found.refused[NAME]


def test_a_fault_that_is_told_in_other_words_loads_nothing_anew(folders: dict[str, Path]) -> None:
    wanted = Wanted(first=Declared(folders["xgboost"]))
    found = Models(wanted)
    before = found.served[NAME]
    for fault in ("away: <object at 0x1>", "away: <object at 0x2>", ""):
        wanted.declared = {NAME: Declared(folders["xgboost"], fault=fault)}
        assert found.refresh() == ({NAME: fault} if fault else {})
        assert found.served[NAME] is before


@pytest.mark.parametrize(
    ("challenger", "share", "said"),
    [
        (None, 0.0, "answers alone"),
        ("logistic", 0.0, "is only logged"),
        ("logistic", 0.1, "answers 10.0% of the entities"),
    ],
)
def test_who_answers_is_told_in_words(
    folders: dict[str, Path], challenger: str | None, share: float, said: str
) -> None:
    other = Scorer(folders[challenger]) if challenger else None
    served = Served(NAME, Scorer(folders["xgboost"]), other, share)
    ids = [scorer.id[:12] for scorer in (served.champion, other) if scorer is not None]
    assert said in served.told()
    assert all(identity in served.told() for identity in ids)


def test_a_challenger_with_other_inputs_is_refused(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(folder: Path, identity: str | None) -> Scorer:
        found = Scorer(folder, identity)
        if folder == folders["logistic"]:
            found.bundle.spec = replace(found.bundle.spec, inputs=found.bundle.spec.inputs[1:])
        return found

    monkeypatch.setattr(served_models, "Scorer", other)
    found = Models(lambda: {NAME: Declared(folders["xgboost"], challenger=folders["logistic"])})
    assert found.served[NAME].challenger is None
    assert "expected a challenger with the champion's inputs" in found.refused[NAME]


def test_a_snapshot_without_the_bundle_s_inputs_is_refused(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.scoring.snapshot import Snapshot

    class Other(Snapshot):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            self.inputs = self.inputs[1:]

    monkeypatch.setattr("components.scoring.scorer.Snapshot", Other)
    with pytest.raises(BundleError, match="expected a snapshot of the bundle's inputs, found none"):
        Scorer(folders["xgboost"])


def test_what_was_served_goes_on_where_the_source_cannot_be_read(
    folders: dict[str, Path],
) -> None:
    wanted = Wanted(first=Declared(folders["xgboost"]))

    def away() -> Mapping[str, Declared]:
        raise VintageError("the store is away")

    found = Models(wanted)
    found._source = away
    assert found.refresh() == {NAME: "what is to be served: the store is away"}
    assert list(found.served) == list(found.refused) == [NAME]
    with pytest.raises(VintageError, match="the store is away"):
        Models(away)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_challenger_answers_for_its_share_of_the_entities(
    folders: dict[str, Path], share: float
) -> None:
    served = Served(NAME, Scorer(folders["xgboost"]), Scorer(folders["logistic"]), share)
    flags = [served.is_challenged(f"client {n}") for n in range(4_000)]
    assert np.mean(flags) == pytest.approx(share, abs=0.02)
    assert flags == [served.is_challenged(f"client {n}") for n in range(4_000)]
    assert not served.is_challenged(None)


def test_who_is_the_challenger_s_stays_so_as_the_share_grows(folders: dict[str, Path]) -> None:
    champion = Scorer(folders["xgboost"])
    few, more = (Served(NAME, champion, champion, share) for share in (0.1, 0.3))
    assert all(more.is_challenged(f"{n}") for n in range(2_000) if few.is_challenged(f"{n}"))


def test_a_release_s_folder_without_a_release_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=f"expected {RELEASE}, found none"):
        Models(lambda: {NAME: Declared(tmp_path)})
