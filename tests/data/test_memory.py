"""What a small file may cost: the numbers that are kept, and little more."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memory import MIB, peak_of
from ostinato.data import blocks, column_buffers, files
from ostinato.data.reading import read_panel
from ostinato.data.trades import read_trades
from ostinato.errors import ColumnError, DataError

READ = """
import sys
from ostinato.data.reading import read_panel
from ostinato.errors import DataError
try:
    print(len(read_panel(sys.argv[1], **eval(sys.argv[2]))))
except DataError as error:
    print(error)
"""
HEADER = b"time,price,amount\n"
ROWS = 2**15
LINES = b"".join(b"%d,%d.5,1\n" % (1_534_131_390 + row // 3, 100 + row % 17) for row in range(ROWS))


def repeated(path: Path, times: int, end: bytes) -> int:
    """A file whose times stand still from the first repetition on, and its number of rows without the end."""
    still = b"".join(b"%d,%d.5,1\n" % (1_534_131_390 + ROWS, 100 + row % 17) for row in range(ROWS))
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as file:
        file.write(HEADER + LINES)
        for _ in range(times):
            file.write(still)
        file.write(end)
    return ROWS * (times + 1)


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_a_bad_cell_is_named_from_its_block(tmp_path, name):
    path = tmp_path / name
    rows = repeated(path, 150, b"1534131390,abc,1\n")
    peak = peak_of(READ, path, {})
    assert f"the price in row {rows + 2} of the file is 'abc', which is not a number" in peak.printed
    assert peak.own < rows * 24 + 320 * MIB


def test_a_line_without_end(tmp_path):
    path = tmp_path / "x.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER + LINES)
        for _ in range(300):
            file.write(b"1" * MIB)
    peak = peak_of(READ, path, {})
    assert f"row {ROWS + 2} of the file is longer than 16,777,216 bytes" in peak.printed
    assert peak.own < 400 * MIB


def test_many_rows_of_parquet_are_counted_first(tmp_path):
    path = tmp_path / "x.parquet"
    table = pa.table({"time": np.full(2**20, 1.6e9), "price": np.ones(2**20), "amount": np.ones(2**20)})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(24):
            writer.write_table(table, row_group_size=2**20)
    code = "from ostinato.data import files\nfiles.memory_limit = lambda: 500 * 2**20\n" + READ
    peak = peak_of(code, path, {})
    assert "has 25,165,824 rows, and 3 columns of them takes 0.562 GiB as numbers" in peak.printed
    assert "Read fewer columns, cut it into parts by time, or make longer bars of it." in peak.printed
    assert max(peak.own, peak.children) < 300 * MIB


@pytest.fixture
def large(monkeypatch):
    """Files of a kilobyte are large, and blocks a few lines."""
    monkeypatch.setattr(files, "TRIED_BYTES", 1000)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 200)
    monkeypatch.setattr(column_buffers, "MORE_ROWS", 3)


def lines(**changes: str) -> str:
    """Trades, some of whose lines are others: line52=..."""
    rows = [f"{1_534_131_390 + row},{100 + row % 17 / 4},1,{row}" for row in range(200)]
    for name, line in changes.items():
        rows[int(name.removeprefix("line"))] = line
    return "time,price,amount,id\n" + "\n".join(rows) + "\n"


LATE = {
    "text": ("1534131540,abc,1,7", ColumnError, "the price in row 152 of the file is 'abc'"),
    "NaN": ("1534131540,NaN,1,7", DataError, "the price in row 152 of the file is 'NaN'; it must be"),
    "infinite": (
        "1534131540,1e999,1,7",
        DataError,
        "the price in row 152 of the file is '1e999'; it must be",
    ),
    "zero": ("1534131540,0,1,7", DataError, "the price in row 152 of the file is 0.0; it must be"),
    "empty": ("1534131540,,1,7", DataError, "the price in row 152 of the file is empty; it must be"),
    "blank": ("", DataError, "the time in row 152 of the file is empty"),
    "cells": ("1534131540,1,1,7,7", DataError, "row 152 of the file has 5 cells, not 4"),
    "bytes": ("1534131540,1,\udce9,7", DataError, "row 152 of the file holds byte 0xe9"),
    "quote": ('1534131540,1,1,"7', DataError, "A quotation mark may never be closed"),
    "long": ("1" * 2000, DataError, "row 1?52 of the file"),
}


@pytest.mark.parametrize(("line", "error", "words"), LATE.values(), ids=LATE)
def test_what_is_wrong_in_a_large_file(tmp_path, large, line, error, words):
    path = tmp_path / "x.csv"
    path.write_bytes(lines(line150=line).encode(errors="surrogateescape"))
    with pytest.raises(error, match=words) as caught:
        read_trades(path)
    assert caught.type is error
    assert "\n" not in str(caught.value)


def test_a_bad_cell_in_a_column_that_is_not_needed(tmp_path, large):
    """The volume in money is a second opinion only; a wrong cell in it is none."""
    hours = [
        f"{1_600_000_000 + 3600 * row},1,2,1,{1 + row % 2},5,{9 if row != 180 else 'n/a'}"
        for row in range(200)
    ]
    path = tmp_path / "x.csv"
    path.write_text("time,open,high,low,close,volume,volume usd\n" + "\n".join(hours))
    assert len(read_panel(path)) == 200


def test_lines_within_quotes_across_blocks(tmp_path, large):
    notes = ["\n".join(["x" * 30] * 3)] * 200
    frame = pl.DataFrame(
        {"time": 1_534_131_390 + np.arange(200), "price": np.arange(200) + 1.0, "amount": 1.0}
    )
    path = tmp_path / "x.csv"
    frame.with_columns(note=pl.Series(notes)).write_csv(path)
    np.testing.assert_array_equal(read_trades(path).price, frame["price"])


def test_blank_lines_at_the_end_of_a_block_are_not_lost(tmp_path, large):
    path = tmp_path / "x.csv"
    for blank in range(140, 160):
        path.write_text(lines(**{f"line{blank}": ""}))
        with pytest.raises(DataError, match=f"the time in row {blank + 2} of the file is empty"):
            read_trades(path)
    path.write_text(lines() + "\n" * 500)
    assert len(read_trades(path)) == 200


def test_more_than_may_be_kept(tmp_path, large, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_text(lines())
    monkeypatch.setattr(column_buffers, "MOST_TEXT", 1000)
    with pytest.raises(DataError, match="GiB of text in the columns to read"):
        read_trades(path)
    monkeypatch.setattr(column_buffers, "memory_limit", lambda: 4000)
    monkeypatch.setattr(column_buffers, "MOST_TEXT", 10**9)
    with pytest.raises(DataError, match=r"as numbers; .* half of the memory that there is"):
        read_trades(path)
    monkeypatch.setattr(blocks, "ASK_AT", 500)
    with pytest.raises(DataError, match=r"x.csv takes about .* GiB as numbers"):
        read_trades(path)


def test_columns_of_lists_are_not_read(tmp_path):
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"time": 1.6e9 + 3600 * np.arange(50), "y": np.arange(50.0), "z": [[1.0] * 9] * 50})
    frame.write_parquet(path)
    assert "z" not in read_panel(path, target="y", covariates="*").values
    with pytest.raises(ColumnError, match=r"the target column 'z' holds List\(Float64\), not numbers"):
        read_panel(path, target="z")


@pytest.mark.slow
@pytest.mark.parametrize("iso", [False, True])
def test_ten_million_trades(tmp_path, iso):
    rows, path = 10_000_000, tmp_path / "x.csv"
    frame = pl.DataFrame(
        {"time": 1_534_131_390 + np.arange(rows) // 3, "price": 100.5 + np.arange(rows) % 17, "amount": 1}
    )
    shown = pl.from_epoch("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ") if iso else pl.col("time")
    frame.with_columns(shown).write_csv(path)
    peak = peak_of(READ, path, {})
    assert peak.printed == str(rows)
    assert peak.own < rows * 24 + 1024 * MIB
