"""The model card: all that a validator asks for, in Markdown that text cannot break."""

import re
from typing import Any

import pytest

from components.evaluation.card import render_card
from tests.evaluation.figures import (
    CLUSTERS,
    EVALUATED,
    PERSONS,
    RELEASED,
    candidates_of,
    decision,
    evaluation,
)

CARD: dict[str, Any] = {
    "fitted_on": ["train", "validation", "test"],
    "rows": 4000,
    "bad": 1000,
    "seed": 42,
    "calibration": "platt",
    "search": {"method": "tpe", "folds": 5, "rows": None, "tried": 3, "pruned": 1},
    "tree_rows": None,
    "features": [
        {"name": "AMOUNT", "title": "amount asked for", "expression": None, "monotone": 1,
         "reason": {"code": "AMT"}},
        {"name": "SHARE", "title": "income a visit", "expression": "INCOME / VISITS",
         "monotone": -1, "reason": None},
    ],
    "environment": {"numpy": "2.4.6", "xgboost-cpu": "3.2.0"},
}  # fmt: skip


def card_of(**changes: Any) -> str:
    """A card."""
    found = changes.pop("found", evaluation())
    judged = changes.pop("judged", decision())
    bundle = {**CARD, **changes}
    return render_card(found, judged, candidates_of(found), bundle=bundle, run="run-1")


@pytest.fixture(scope="module")
def card() -> str:
    """The card of a model that passed."""
    return card_of()


def test_the_card_has_every_section(card: str) -> None:
    assert card.startswith("# Small loans: model card\n")
    assert re.findall("^## (.*)$", card, re.MULTILINE) == [
        "What it is", "What it is for", "Data", "Features", "Training", "Figures", "Segments",
        "Fairness", "Policy", "Gate: passed", "Limits of use", "Environment",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Family: xgboost", f"`{RELEASED}`", f"`{EVALUATED}`", "Calibration: platt", "run-1",
        "| train | 3,000 | 750 | 25.00% |", "| score | 80 | - | - |",
        "fitted on 4,000 rows (1,000 bad): train, validation, test",
        "| AMOUNT | amount asked for | as it is | a higher value may only raise the PD | AMT |",
        "| SHARE | income a visit | INCOME / VISITS | a higher value may only lower it | none |",
        "Search of xgboost: tpe, 3 trials (1 given up early), 5 folds of the 3,000 train rows",
        "seed 42", "It gives the probability that an applicant goes bad (Small loans), points",
        "| xgboost | tpe, 3 trials | 0.7123 | 0.7321 |",
        "| logistic | grid, 3 trials | 0.7123 | 0.7321 |", "- eta: 0.1", r"- max\_depth: 3",
        "fitted again on all labelled rows", "development rows only",
        "| AUC | 0.7500 (0.7100 to 0.7900) |",
        "| ECE | 0.0200; noise alone gives up to 0.0091 |",
        "| PSI | 0.0300; chance alone gives up to 0.0200 |",
        "| PD 0.2500 (policy) | 0.8000 |",
        "| 500 | 10.00% | 12.00% |", "| REGION: south | 300 | - | 0.00% | 10.00% |",
        "| AGE | 0.8500 | 0.0700 |", "Version 3: approve below a PD of 0.2500, as declared",
        "Approved: 62.00% expected, 61.30% of the test rows",
        "Profit per applicant: 12.50 expected, 11.25 on the test rows",
        "| AUC | at least 0.7 | 0.7500 | passed |", "Moved between development and test: AMOUNT, ",
        "the released bundle itself has no figures", "- numpy 2.4.6", "over AGE and over nothing",
    ],
)  # fmt: skip
def test_the_card_says_what_a_validator_asks_for(card: str, text: str) -> None:
    assert text.lower() in card.lower()


def test_the_card_of_a_model_that_is_released_as_judged_says_so() -> None:
    found = evaluation()
    judged = decision().model_copy(update={"bundle": EVALUATED})
    card = render_card(found, judged, candidates_of(found, EVALUATED), bundle=CARD, run="run-1")
    assert "it has seen no test row" in card
    assert "fitted again" not in card


def test_the_card_of_a_refused_model_says_why() -> None:
    card = card_of(judged=decision(silent=("SHARE",)))
    assert "## Gate: refused" in card
    assert "| Reason texts | for every feature | none for SHARE | failed |" in card


def test_text_cannot_break_a_table_or_become_markup() -> None:
    feature = {**CARD["features"][0], "title": "a | b\n## c <img src=x> [d](e)"}
    card = card_of(features=[feature])
    assert "| a \\| b ## c \\<img src=x\\> \\[d\\](e) |" in card


def test_every_line_of_a_table_has_as_many_cells_as_its_head(card: str) -> None:
    for block in card.split("\n\n"):
        if block.startswith("|"):
            cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(cells) == 1, block


def test_equal_figures_give_an_equal_card(card: str) -> None:
    assert card_of() == card


def test_the_card_claims_nothing_that_nobody_declared(card: str) -> None:
    assert "granted" not in card
    assert "watched" not in card


def test_the_card_tells_both_shares_where_the_released_model_has_another() -> None:
    cutoff = decision().cutoff.model_copy(update={"judged_share": 0.57})
    judged = decision().model_copy(update={"cutoff": cutoff})
    assert "Approved by the judged model: 57.00% expected" in card_of(judged=judged)
    assert "by the judged model" not in card_of()


def test_the_card_tells_the_months_the_persons_and_the_clusters_where_there_are_any(
    card: str,
) -> None:
    assert "Persons" not in card
    assert "Cluster" not in card
    told = card_of(found=evaluation(persons=PERSONS, clusters=CLUSTERS))
    for text in (
        "| Side | From | To | Rows | Persons (CLIENT) |",
        "| test | 2024-07 | 2024-08 | 1,000 | 888 |",
        "123 of the 888 persons of the test are in development too",
        "| 1 | 300 | 28 | 1 | 50.25 | bad |",
    ):
        assert text in told


def test_the_card_of_a_proxy_label_speaks_of_a_rank_and_of_no_pd() -> None:
    told = card_of(found=evaluation(clusters=CLUSTERS))
    assert "It ranks applicants by a proxy (Small loans)" in told
    assert "a rank and no probability of default" in told
    assert "was never held against an outcome" in told
    for claim in ("gives the probability", "Its PDs hold"):
        assert claim not in told
        assert claim in card_of()


@pytest.mark.parametrize(
    ("rows", "said"),
    [(2_000, "of at most 2,000 of the 3,000 train rows"), (3_000, "of the 3,000 train rows")],
)
def test_the_card_says_on_how_many_rows_it_was_searched(rows: int, said: str) -> None:
    assert f"5 folds {said}, seed 42" in card_of(search={**CARD["search"], "rows": rows})


def test_the_card_says_how_few_rows_a_tree_saw(card: str) -> None:
    assert "Each tree learned from a draw of at most 20,000 rows." in card_of(tree_rows=20_000)
    assert "Each tree" not in card


def test_the_card_says_of_a_family_that_was_tried_once_that_it_is_as_declared() -> None:
    found = evaluation()
    first, *others = (made := candidates_of(found)).candidates
    once = first.model_copy(update={"trials": first.trials[:1]})
    made = made.model_copy(update={"candidates": (once, *others)})
    card = render_card(found, decision(), made, bundle=CARD, run="run-1")
    assert "Search of xgboost: as declared (" in card
    assert "| xgboost | as declared | 0.7123 | 0.7321 |" in card
