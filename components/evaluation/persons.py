"""Who and when: the months of development and test, and the persons on both sides."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.contracts.people import Period, Persons

_AS_OF = "_as_of"


def persons_of(folder: Path, entity: str) -> Persons | None:
    """Of a gold table; none where its rows have no date."""
    if _AS_OF not in pq.ParquetDataset(folder).schema.names:
        return None
    table = pq.read_table(folder, columns=[entity, _AS_OF, "_split"])
    # Of a row that does not say whose it is nobody is counted: -1, the last place below.
    who = table[entity].combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy()
    month = table[_AS_OF].to_numpy().astype("datetime64[M]")
    split = table["_split"].to_numpy()
    test, developed = split == "test", (split == "train") | (split == "validation")
    known = np.zeros((2, len(who) + 1), dtype=np.bool_)
    for side, rows in zip(known, (developed, test), strict=True):
        side[who[rows]] = True
    known[:, -1] = False
    return Persons(
        entity=entity,
        development=_period(month[developed], int(known[0].sum())),
        test=_period(month[test], int(known[1].sum())),
        both=int(known.all(axis=0).sum()),
        rows_of_both=int(known[0][who[test]].sum()),
    )


def _period(month: NDArray[np.datetime64], persons: int) -> Period:
    return Period(first=str(month.min()), last=str(month.max()), rows=len(month), persons=persons)
