"""What would be applied to a cluster is watched by golden files."""

import pytest

from tests.manifests.renders import OVERLAYS, builder, built, documents, golden, label


@pytest.mark.skipif(builder() is None, reason="neither kubectl nor kustomize is on the PATH")
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_renders_to_the_golden_objects(overlay: str) -> None:
    now, then = documents(built(overlay)), golden(overlay)
    assert [label(document) for document in now] == [label(document) for document in then]
    for found, wanted in zip(now, then, strict=True):
        assert found == wanted, "if meant: python -m tests.manifests.write_golden; read its diff"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_golden_render_holds_no_object_twice(overlay: str) -> None:
    names = [label(document) for document in golden(overlay)]
    assert sorted(set(names)) == sorted(names)
