"""A placeholder for a secret does not reach a lender's cluster."""

import base64
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.manifests.renders import Document, golden, label, of_kind, placeholders

WORD = b"placeholder"
[POLICY] = of_kind(golden("production"), "ValidatingAdmissionPolicy")
[BINDING] = of_kind(golden("production"), "ValidatingAdmissionPolicyBinding")
EXPRESSION = POLICY["spec"]["validations"][0]["expression"]
PATTERN = re.compile(re.search(r"matches\('([^']+)'\)", EXPRESSION)[1])  # type: ignore[index]


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


@given(before=st.binary(max_size=60), after=st.binary(max_size=60))
@example(before=b"", after=b"")
@example(before=b"a", after=b"b")
@example(before=b"ab", after=b"")
def test_a_value_with_the_word_is_refused_wherever_it_stands(before: bytes, after: bytes) -> None:
    assert PATTERN.search(_encoded(before + WORD + after))


@given(value=st.binary(max_size=200))
@example(value=b"")
@example(value=b"place-holder")
@example(value=b"placeholde")
@example(value=b"laceholder")
@example(value=b"cGxhY2Vob2xkZX")
@example(value=base64.b64encode(WORD))
def test_other_values_are_admitted(value: bytes) -> None:
    assume(WORD not in value)
    assert not PATTERN.search(_encoded(value))


def test_the_word_is_in_every_secret_of_the_kind_overlay_so_that_each_would_be_refused() -> None:
    secrets = of_kind(golden("kind"), "Secret")
    assert {secret["metadata"]["name"] for secret in secrets} == placeholders().keys()
    for secret in secrets:
        assert any(PATTERN.search(value) for value in secret["data"].values()), label(secret)


def test_production_has_neither_a_secret_nor_a_placeholder() -> None:
    production = golden("production")
    assert of_kind(production, "Secret") == []
    judges = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    for document in production:
        if document["kind"] not in judges:
            assert WORD.decode() not in str(document), label(document)
            assert not PATTERN.search(str(document)), label(document)


@pytest.mark.parametrize(
    ("document", "place", "wanted"),
    [
        (POLICY, ("failurePolicy",), "Fail"),
        (POLICY, ("matchConstraints", "resourceRules", 0, "resources"), ["secrets"]),
        (POLICY, ("matchConstraints", "resourceRules", 0, "operations"), ["CREATE", "UPDATE"]),
        (
            POLICY,
            ("matchConstraints", "namespaceSelector", "matchLabels"),
            {"kubernetes.io/metadata.name": "vintage"},
        ),
        (BINDING, ("policyName",), POLICY["metadata"]["name"]),
        (BINDING, ("validationActions",), ["Deny"]),
    ],
)
def test_the_policy_judges_every_secret_of_the_namespace(
    document: Document, place: tuple[str | int, ...], wanted: object
) -> None:
    found = document["spec"]
    for step in place:
        found = found[step]
    assert found == wanted
