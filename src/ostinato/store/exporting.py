"""Export the events of a store as a data file, so that offline forecasts can be compared with the ledger."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import StoreError
from ..files.atomic import atomic_file
from .connection import sqlite_errors
from .reader import Reader
from .sealed import days

if TYPE_CHECKING:
    import polars as pl

BLOCK = 10_000


def export(path: Path | str, out: Path | str, *, predictions: bool = False, newest: int | None = None) -> int:
    """Write the events of a store, or the ``newest`` so many of them, to one parquet file; return their number.

    Columns: id (the key), time (seconds since the epoch), and the feed's. ``predictions`` adds the head's outputs, null
    where there is no prediction, and flags.

    Raises:
        StoreError: the store cannot be read, or the file cannot be written; a column is called like one of ours.
    """
    out = Path(out)
    with Reader.open(path) as reader:
        frame = _events(reader, None if newest is None else _before(reader, newest))
        if predictions:
            said = _predictions(reader)
            taken = set(frame.columns) & set(said.columns) - {"id"}
            if taken:
                raise StoreError(
                    f"the feed and the predictions both have a column {min(taken)}: export them apart."
                )
            frame = frame.join(said, on="id", how="left", maintain_order="left")
    frame = frame.fill_nan(None)  # what is missing is null in a data file
    with sqlite_errors(out), atomic_file(out) as file:
        frame.write_parquet(file, compression="zstd")
    return len(frame)


def _before(reader: Reader, newest: int) -> int | None:
    """The key after which ``newest`` events follow; None if there are no more than that."""
    surplus, after = reader.counts().events - newest, None
    with sqlite_errors(reader.path):
        for day in days(reader._connection, reader.path):  # whole ones need not be read
            if day.rows["events"] > surplus:
                break
            surplus, after = surplus - day.rows["events"], day.last
    for event in islice(reader.replay(after), max(surplus, 0)):
        after = event.key
    return after


def _events(reader: Reader, after: int | None) -> "pl.DataFrame":
    import polars as pl

    names = reader.head.columns
    if "id" in names:
        raise StoreError("the feed has a column id, which would hide the keys of its events.")
    schema = {"id": pl.Int64, "time": pl.Float64} | dict.fromkeys(names, pl.Float64)
    events, blocks = reader.replay(after), [pl.DataFrame(schema=schema)]
    while block := [(one.key, one.time, *one.values) for one in islice(events, BLOCK)]:
        blocks.append(pl.DataFrame(block, schema=schema, orient="row"))
    return pl.concat(blocks)


def _predictions(reader: Reader) -> "pl.DataFrame":
    import polars as pl

    keys, flags, blocks = list[int](), list[int](), list[np.ndarray]()
    key: int | None = None
    while block := reader.predictions_after(key, BLOCK):
        key = block[-1].key
        keys += [one.key for one in block]
        flags += [int(one.flags) for one in block]
        blocks.append(np.array([one.numbers for one in block]))
    outputs = reader.head.outputs
    numbers = np.concatenate(blocks) if blocks else np.empty((0, len(outputs)))
    columns = {name: numbers[:, index] for index, name in enumerate(outputs)}
    return pl.DataFrame(
        {"id": pl.Series(keys, dtype=pl.Int64)} | columns | {"flags": pl.Series(flags, dtype=pl.Int64)}
    )
