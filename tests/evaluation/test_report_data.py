"""What the report says of the data: cleaning, layers, months, persons, clusters."""

import pytest

from tests.evaluation.figures import CLUSTERS, PERSONS, evaluation
from tests.evaluation.test_report import SILVER, page_of
from tests.pages import lines, section


@pytest.fixture(scope="module")
def report() -> str:
    """The report of a run that passed."""
    return page_of()


def test_the_report_says_what_was_cleaned_and_where_nothing_was(report: str) -> None:
    cleaned = section(report, "What was cleaned")
    assert lines(cleaned)[1] == "people|SEX|replaced &#x27;0&#x27; by &#x27;4&#x27;|345"
    nothing = page_of(silver={**SILVER, "cleaning": []})
    assert "Nothing had to be." in section(nothing, "What was cleaned")


def test_the_layers_count_the_rows_that_are_known_only_later(report: str) -> None:
    assert lines(section(report, "From files to rows"))[:2] == [
        "Table|Grain|Rows in|Kept|Quarantined|Known only later",
        "people|a person|1,277|1,190|10|77",
    ]


def test_the_report_tells_the_months_and_the_persons_of_both_sides(report: str) -> None:
    assert "Persons" not in section(report, "Development and test")
    dated = section(page_of(evaluation(persons=PERSONS)), "Development and test")
    assert lines(dated) == [
        "Split|Rows|Bad|Bad rate",
        "train|3,000|750|25.00%",
        "test|1,000|250|25.00%",
        "score|80|-|-",
        "|From|To|Rows|Persons (CLIENT)".strip("|"),
        "development (train and validation)|2023-01|2024-06|3,000|2,222",
        "test|2024-07|2024-08|1,000|888",
    ]
    assert (
        "123 of the 888 persons of the test are in development too; 131 of its 1,000 rows are "
        "theirs." in dated
    )


def test_the_report_tells_of_whom_nothing_was_known_in_time() -> None:
    said = "370 more of the merged table are no rows here"
    assert said in section(page_of(evaluation(unseen=370)), "Development and test")
    assert "are no rows here" not in page_of()


def test_the_report_tells_whom_the_label_knows_and_no_row_is_of() -> None:
    said = "knows 9,528 more who are no rows here"
    assert said in section(page_of(evaluation(strangers=9_528)), "Development and test")
    assert "more who are no rows" not in page_of()


def test_the_report_of_a_proxy_shows_the_clusters_that_it_is_made_of(report: str) -> None:
    title = "How the label was made"
    assert title not in report
    part = section(page_of(evaluation(clusters=CLUSTERS)), title)
    assert lines(part)[1:] == [
        "0|700|3.5|12|999.5|-2.50",
        "1|300|28|1|50.25|-|at risk",
    ]
