"""What read_trades refuses, and in which words."""

import gzip
import re

import polars as pl
import pytest

from ostinato.data.trades import read_trades
from ostinato.errors import ColumnError, ConfigError, DataError

HEADER = "time,price,amount\n"
GOOD = "1534131395,6356.73,1\n"
REMEDY = r"choose another column with --column price=NAME \(in Python columns=\{'price': 'NAME'\}\)"

TEXTS = {
    "text for a price": (
        ColumnError,
        GOOD + "1534131396,abc,1\n",
        f"price in row 3 of the file is 'abc'.*{REMEDY}",
    ),
    "text for a time": (
        ColumnError,
        GOOD + "now,1,1\n",
        "time in row 3 of the file is 'now', which is not a number",
    ),
    "no ISO time": (
        ColumnError,
        "13/08/2018,1,1\n",
        "is '13/08/2018', which is neither a number nor a time like",
    ),
    "no such day": (ColumnError, "2018-08-13,1,1\n2018-02-30,1,1\n", "row 3 of the file is '2018-02-30'"),
    "no such zone": (ColumnError, "2018-08-13T00:00:00+25:00,1,1\n", r"\+25:00', which is neither"),
    "price 0": (
        DataError,
        GOOD + "1534131396,0,1\n",
        "price in row 3 .* is '0'; it must be a finite number above 0",
    ),
    "price below 0": (DataError, "1534131396,-1,1\n", "price in row 2 of the file is '-1'"),
    "price NaN": (DataError, GOOD + "1534131396,NaN,1\n", "price in row 3 of the file is 'NaN'"),
    "price infinite": (DataError, GOOD + "1534131396,inf,1\n", "price in row 3 of the file is 'inf'"),
    "price missing": (DataError, GOOD + "1534131396,,1\n", "price in row 3 of the file is empty"),
    "prices missing": (DataError, "1534131396,,1\n" * 3, r"row 2 of the file is empty \(2 more like it\)"),
    "amount below 0": (DataError, "1534131396,1,-2\n", "amount in row 2 of the file is '-2'.*0 or above"),
    "amount infinite": (DataError, "1534131396,1,inf\n", "amount in row 2 of the file is 'inf'"),
    "amount NaN": (DataError, "1534131396,1,nan\n", "amount in row 2 of the file is 'nan'"),
    "amount missing": (DataError, GOOD + "1534131396,1\n", "amount in row 3 of the file is empty"),
    "short first row": (DataError, "1534131396,1\n", "row 2 of the file has 2 cells, not 3"),
    "time missing": (
        DataError,
        GOOD + ",1,1\n",
        "time in row 3 of the file is empty; every trade needs a time",
    ),
    "blank line": (DataError, GOOD + "\n" + GOOD, "time in row 3 of the file is empty"),
    "back in time": (
        DataError,
        "1534131395,1,1\n1534131397,1,1\n1534131396,1,1\n1534131398,1,1\n",
        "row 4 of the file is '1534131396', after '1534131397', while other trades are oldest first. Sort",
    ),
    "newest first but one": (
        DataError,
        "1534131398,1,1\n1534131395,1,1\n1534131396,1,1\n1534131392,1,1\n",
        "row 4 of the file is '1534131396', after '1534131395', while other trades are newest first",
    ),
    "two units": (
        DataError,
        "1534131395000,1,1\n" * 2 + "15341313,1,1\n",
        "row 4 .* is '15341313', by its size in s, while most times are in ms",
    ),
    "far future": (DataError, "9" * 30 + ",1,1\n", "which in ns lies beyond the year 9999"),
    "too many cells": (DataError, GOOD + "1,2,3,4\n", "row 3 of the file has 4 cells, not 3"),
    "open quote": (DataError, GOOD + '1,"2,3\n4,5,6\n', "row 3 of the file has 2 cells"),
    "no rows": (DataError, "", "trades.csv has a header but no rows"),
}


@pytest.fixture
def write(tmp_path):
    """Write a file and give its path."""

    def write(content, name="trades.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refuses(error, words, *args, **options):
    """read_trades raises just this class with these words, in few lines."""
    with pytest.raises(DataError if error is ColumnError else error, match=words) as caught:
        read_trades(*args, **options)
    assert caught.type is error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("error", "rows", "words"), TEXTS.values(), ids=TEXTS.keys())
def test_rows(error, rows, words, write):
    refuses(error, words, write(HEADER + rows))


FILES = {
    "empty": ("trades.csv", b"", "trades.csv is empty"),
    "blank": ("trades.csv", b"\n \n", "trades.csv is empty"),
    "binary": ("trades.csv", bytes(range(256)) * 9, "neither text nor parquet"),
    "utf-16": ("trades.csv", (HEADER + GOOD).encode("utf-16"), "is UTF-16 text. Save it as UTF-8"),
    "latin-1": (
        "trades.csv",
        b"time,price,amount\n1,2,\xe9\n",
        "row 2 of the file holds byte 0xe9. Save it as UTF-8",
    ),
    "latin-1 header": ("trades.csv", b"time,price,\xe9\n1,2,3\n", "row 1 of the file holds byte 0xe9"),
    "endless line": ("trades.csv", b"x" * 70_000, "its first line is longer than 65,536 bytes"),
    "zip": ("trades.csv", b"PK\x03\x04rest", "is a zip archive or a spreadsheet. Unpack it"),
    "cut gzip": ("trades.csv.gz", gzip.compress(HEADER.encode())[:-9], "is a damaged gzip file"),
    "false gzip": ("trades.csv.gz", b"\x1f\x8bnonsense", "is a damaged gzip file"),
    "broken parquet": ("trades.parquet", b"PAR1" + b"\7" * 99 + b"PAR1", "is not a readable parquet file"),
    "no parquet": ("trades.parquet", b"time,price\n", "is not a readable parquet file"),
}


@pytest.mark.parametrize(("name", "content", "words"), FILES.values(), ids=FILES.keys())
def test_files(name, content, words, write):
    refuses(DataError, words, write(content, name))


def test_places_without_a_file(tmp_path):
    refuses(
        DataError,
        "there is no file .*nowhere.csv. Name a .csv, .csv.gz or .parquet file",
        tmp_path / "nowhere.csv",
    )
    refuses(DataError, "is a folder. Name a .csv", tmp_path)
    refuses(DataError, "trades are read from a path or a data frame, got list", [1, 2])


FRAME = pl.DataFrame({"time": [1.0, 2.0], "price": [1.0, 2.0], "amount": [1.0, 2.0]})


def test_rows_of_frames_count_from_0():
    refuses(
        DataError,
        r"the price in row 1 of the table \(counted from 0\) is nan",
        FRAME.with_columns(price=pl.Series([1.0, float("nan")])),
    )
    refuses(DataError, "the data frame has no rows", FRAME.clear())


def test_columns():
    hourly = FRAME.rename({"time": "unix", "price": "close"}).with_columns(date=pl.col("unix"))
    choose = r"Choose with --column time=unix \(in Python columns=\{'time': 'unix'\}\)"
    refuses(ColumnError, f"time of the data frame could be 'unix' or 'date'. {choose}", hourly)
    refuses(
        ColumnError,
        "looks like the price; it has 'unix', 'close', 'amount', 'date'. Name one with --column price=NAME",
        *(hourly, {"time": "unix"}),
    )
    refuses(
        ColumnError, "has no column 'Close' for the price; it has 'time', 'price'", FRAME, {"price": "Close"}
    )
    refuses(ColumnError, "named for two roles", FRAME, {"price": "time", "time": "time"})
    refuses(
        ConfigError, "a trade has no 'fee'; columns can be named for time, price", FRAME, {"fee": "price"}
    )
    refuses(ConfigError, "trades cannot do without the price", FRAME, {"price": ""})
    refuses(ColumnError, "price column 'price' holds Boolean, not numbers", FRAME.with_columns(price=True))
    refuses(ColumnError, "holds Time, not points in time", FRAME.with_columns(time=pl.time(1, 2)))
    wide = pl.DataFrame({f"x{n}": [1] for n in range(50)})
    refuses(ColumnError, "'x19' and 30 more. Name", wide)


def test_headers(write):
    refuses(ColumnError, "has two columns named 'price'. Rename one", write("time,price,price\n1,2,3\n"))
    refuses(
        ColumnError, "has no header and 4 columns; without a header it must have three", write("1,2,3,4\n")
    )
    pandas = FRAME.to_pandas().set_axis(["time", "time", "price"], axis=1)
    refuses(ColumnError, "has two columns of the same name", pandas)


def test_a_column_named_by_the_caller_must_make_sense():
    frame = FRAME.with_columns(way=pl.lit("up"), nr=pl.lit(None, pl.Int64))
    refuses(ColumnError, "side in row 0 .* is 'up'; it must be buy or sell", frame, {"side": "way"})
    refuses(ColumnError, "id in row 0 .* is empty", frame, {"id": "nr"})


def test_units(write):
    refuses(ConfigError, "the time unit must be one of s, ms, us, ns, got 'h'", FRAME, time_unit="h")
    text = write(HEADER + "2018-08-13,1,1\n")
    refuses(
        ConfigError,
        "the time unit 'ms' is for numbers; the times of trades.csv are ISO text",
        text,
        time_unit="ms",
    )
    late = FRAME.with_columns(time=1.5e12)
    refuses(DataError, "which in s lies beyond the year 9999", late, time_unit="s")


def test_a_cell_of_any_size_gives_a_short_message(write):
    with pytest.raises(ColumnError) as caught:
        read_trades(write(HEADER + f"1534131395,{'x' * 100_000},1\n"))
    assert len(str(caught.value)) < 300
    assert re.search("x…, which is not a number", str(caught.value))
