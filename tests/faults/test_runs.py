"""Whole runs that go wrong late: at bad rows, at a one-sided label."""

import json
from pathlib import Path

from tests.faults.test_command_line import one_message, state, vintage
from tests.support import Champion


def _edit(path: Path, line: int, column: str, value: str) -> None:
    """Set one cell of a file; line 0 is the header."""
    rows = [text.split(",") for text in path.read_text().splitlines()]
    rows[line][rows[0].index(column)] = value
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")


def _entries(home: Path, layer: str) -> list[Path]:
    return list((home / "store" / "card-default").glob(f"{layer}/*"))


def _beside_raw(found: dict[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in found.items() if "/raw/" not in name}


def test_wrong_types_and_double_keys_are_listed_at_once_and_the_champion_stays(
    champion: Champion, tmp_path: Path
) -> None:
    before = state(champion.home)
    transactions = champion.data / "transactions.csv"
    rows = transactions.read_text().splitlines()
    place = rows[0].split(",").index("BILL_AMT2")
    spoiled = [row.split(",") for row in rows]
    for row in spoiled[1:400]:
        row[place] = "n/a"
    transactions.write_text("\n".join(",".join(row) for row in spoiled))
    profile = champion.data / "profile.csv"
    twice = profile.read_text().splitlines()[1].split(",")[0]
    _edit(profile, 2, "CUSTOMER_ID", twice)
    done = vintage(
        "run", "card-default", "--data", "data", cwd=tmp_path, home=champion.home, seconds=240
    )
    first, *rest = one_message(done).splitlines()
    assert first == f"ingest: data {champion.data}: 2 contract failures"
    assert rest[0] == (
        "  - profile.CUSTOMER_ID in profile.csv: expected a key that names one row, "
        f"found 1 key with rows that differ, such as '{twice}'"
    )
    assert rest[1].startswith(
        "  - transactions.BILL_AMT2 in transactions.csv: expected a number in all but 1.0% of "
    )
    assert rest[1].endswith("found 399 other, such as 'n/a'")
    # What landed stays, to be looked at; nothing was made of it.
    assert _beside_raw(state(champion.home)) == _beside_raw(before)
    assert len(_entries(champion.home, "raw")) == 2
    score = vintage("score", "card-default", "--id", "17", cwd=tmp_path, home=champion.home)
    assert json.loads(score.stdout)["decision"] in {"approve", "decline"}


def test_a_target_of_one_class_ends_the_run_before_anything_is_trained(
    champion: Champion, tmp_path: Path
) -> None:
    layers = ("models", "evaluations", "decisions", "releases")
    made = {layer: _entries(champion.home, layer) for layer in layers}
    promotions = (champion.home / "vintage.db").read_bytes()
    transactions = champion.data / "transactions.csv"
    head, *rows = transactions.read_text().splitlines()
    transactions.write_text("\n".join([head, *(row.rsplit(",", 1)[0] + ",0" for row in rows)]))
    done = vintage(
        "run", "card-default", "--data", "data", cwd=tmp_path, home=champion.home, seconds=240
    )
    message = one_message(done)
    assert message.startswith(
        "train: label DEFAULTPAYMENTNEXTMONTH: expected both classes among the train rows, found"
    )
    assert message.endswith("of class 0")
    assert {layer: _entries(champion.home, layer) for layer in layers} == made
    assert (champion.home / "vintage.db").read_bytes() == promotions
