"""What read_trades understands. test_bad_trades.py has what it refuses."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ostinato.data import times
from ostinato.data.trades import read_trades
from ostinato.errors import ColumnError

TIMES = [1534131395.0, 1534131396.0, 1534131396.0]
FRAME = pl.DataFrame(
    {
        "time": [1534131395, 1534131396, 1534131396],
        "price": [6356.73, 6355.28, 6356.11],
        "amount": [1.0, 0, 2],
    }
)


@pytest.fixture
def write(tmp_path):
    """Write a file and give its path."""

    def write(text, name="trades.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def same(trades):
    np.testing.assert_array_equal(trades.time, TIMES)
    np.testing.assert_array_equal(trades.price, FRAME["price"])
    np.testing.assert_array_equal(trades.amount, FRAME["amount"])


def as_file(kind, folder):
    path = folder / f"trades.{kind}"
    if kind == "parquet":
        FRAME.write_parquet(path)
    elif kind == "csv.gz":
        path.write_bytes(gzip.compress(FRAME.write_csv().encode()))
    else:
        FRAME.write_csv(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("make", [str, Path])
def test_files(kind, make, tmp_path):
    trades = read_trades(make(as_file(kind, tmp_path)))
    same(trades)
    assert trades.report.source == f"trades.{kind}"
    assert trades.id is None
    assert trades.side is None


FRAMES = {
    "polars": FRAME,
    "lazy": FRAME.lazy(),
    "pandas": FRAME.to_pandas(),
    "arrow": FRAME.to_arrow(),
    "pandas text": FRAME.to_pandas().astype(str),
    "pandas time index": FRAME.to_pandas().set_index(pd.to_datetime(FRAME["time"], unit="s"))[
        ["price", "amount"]
    ],
    "categorical": FRAME.with_columns(pl.col("price").cast(pl.String).cast(pl.Categorical)),
    "decimal": FRAME.with_columns(pl.col("price").cast(pl.Decimal(12, 2))),
    "float32 amount": FRAME.with_columns(pl.col("amount").cast(pl.Float32)),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
def test_frames(frame):
    same(read_trades(frame))


def test_arrays_are_float64_and_may_be_written_to():
    """torch.from_numpy warns of arrays that may not."""
    trades = read_trades(FRAME.with_columns(id=pl.Series([1, 2, 3]), side=pl.Series([1, -1, 1])))
    for array, dtype in ((trades.time, "f8"), (trades.price, "f8"), (trades.amount, "f8"), (trades.id, "i8")):
        assert array.dtype == dtype
        assert array.flags.writeable
    assert trades.side.dtype == np.int8
    assert len(trades) == 3


def test_reading_does_not_load_torch():
    script = "import sys; from ostinato.data.trades import read_trades; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


HEADERS = {
    "pandas index": ",time,price,amount\n0,{},6356.73,1\n1,{},6355.28,0\n2,{},6356.11,2\n",
    "named index": "Unnamed: 0,Timestamp,PRICE,Qty\n0,{},6356.73,1\n1,{},6355.28,0\n2,{},6356.11,2\n",
    "spaces": "Unix Timestamp, Price ,Trade_Size\n{},6356.73,1\n{}, 6355.28,0\n{},6356.11 ,2\n",
    "byte order mark": "\ufefftime,price,amount\n{},6356.73,1\n{},6355.28,0\n{},6356.11,2\n",
    "semicolons": "time;price;amount\n{};6356.73;1\n{};6355.28;0\n{};6356.11;2\n",
    "windows": "time,price,amount\r\n{},6356.73,1\r\n{},6355.28,0\r\n{},6356.11,2\r\n",
    "blank end": "time,price,amount\n{},6356.73,1\n{},6355.28,0\n{},6356.11,2\n\n\n",
    "no header": "{},6356.73,1\n{},6355.28,0\n{},6356.11,2\n",
    "byte order mark and no header": "\ufeff{},6356.73,1\n{},6355.28,0\n{},6356.11,2\n",
    "quotes": '"time","price","amount"\n"{}","6356.73","1"\n"{}","6355.28","0"\n"{}","6356.11","2"\n',
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS.keys())
def test_csv_dialects(text, write):
    same(read_trades(write(text.format(1534131395, 1534131396, 1534131396))))


TIME_TEXTS = {
    "s": ["1534131395", "1534131396", "1534131396"],
    "s as floats": ["1534131395.0", "1534131396.00", "1534131396"],
    "ms": ["1534131395000", "1534131396000", "1534131396000"],
    "us": ["1534131395000000", "1534131396000000", "1534131396000000"],
    "ns": ["1534131395000000000", "1534131396000000000", "1534131396000000000"],
    "ISO": ["2018-08-13T03:36:35Z", "2018-08-13T03:36:36Z", "2018-08-13T03:36:36Z"],
    "no zone": ["2018-08-13 03:36:35", "2018-08-13 03:36:36.000", "2018-08-13 03:36:36.000000"],
    "zones": ["2018-08-13T05:36:35+02:00", "2018-08-12T22:06:36-0530", "2018-08-13T03:36:36.0+00"],
    "some zones": ["2018/08/13 03:36:35", "2018/08/13 03:36:36 UTC", "2018/08/13 04:36:36+01"],
}


@pytest.mark.parametrize("texts", TIME_TEXTS.values(), ids=TIME_TEXTS.keys())
def test_times_as_text(texts, write):
    same(read_trades(write("time,price,amount\n{},6356.73,1\n{},6355.28,0\n{},6356.11,2\n".format(*texts))))


def test_times_as_text_in_pieces(write, monkeypatch):
    """Of several millions of rows no more is held as text than a piece needs."""
    texts, path = TIME_TEXTS["some zones"], "time,price,amount\n{},6356.73,1\n{},6355.28,0\n{},6356.11,2\n"
    whole = read_trades(write(path.format(*texts)))
    monkeypatch.setattr(times, "PIECE", 2)
    pieces = read_trades(write(path.format(*texts)))
    same(pieces)
    assert pieces.report == whole.report
    with pytest.raises(ColumnError, match="row 4 of the file is '2018-02-30"):
        read_trades(write(path.format(*texts[:2], "2018-02-30 00:00:00")))


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_units_by_size_and_by_name(unit, factor):
    frame = FRAME.with_columns(pl.col("time") * factor)
    for given in (None, unit):
        trades = read_trades(frame, time_unit=given)
        same(trades)
        assert trades.report.time_unit == unit
    guessed = f"times were taken as {unit} since 1970, by their size"
    assert guessed in read_trades(frame).report.notes
    assert guessed not in read_trades(frame, time_unit=unit).report.notes


def test_a_named_unit_is_taken_at_its_word():
    assert read_trades(FRAME, time_unit="ms").time[0] == 1534131.395
    assert read_trades(FRAME, time_unit="µs").report.time_unit == "us"


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_native_datetimes(unit, zone):
    stamps = pl.from_epoch(FRAME["time"]).dt.cast_time_unit(unit)
    stamps = stamps.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else stamps
    trades = read_trades(FRAME.with_columns(time=stamps))
    same(trades)
    assert ("times have no zone and were taken as UTC" in trades.report.notes) == (zone is None)


def test_dates_are_midnight_utc(write):
    days = FRAME.with_columns(time=pl.Series([0, 1, 19000]).cast(pl.Date))
    assert read_trades(days).time.tolist() == [0, 86400, 19000 * 86400]
    text = write("date,price,amount\n2018-08-13,1,1\n2018-08-14,1,1\n")
    assert read_trades(text).time.tolist() == [1534118400, 1534204800]


def test_microseconds_survive(write):
    trades = read_trades(write("time,price,amount\n1700000000.000001,1,1\n1700000000.000002,1,1\n"))
    np.testing.assert_allclose(np.diff(trades.time), 1e-6, atol=2.4e-7)
    assert trades.time[1] > trades.time[0]


def test_newest_first_is_reversed_as_a_whole():
    trades = read_trades(FRAME.reverse().with_columns(id=pl.Series([12, 11, 10])))
    same(trades)
    assert trades.id.tolist() == [10, 11, 12]
    assert trades.report.reversed
    assert "the source was newest first and was reversed" in trades.report.notes


def test_equal_times_keep_the_order_of_the_file():
    trades = read_trades(FRAME.with_columns(time=7))
    assert trades.price.tolist() == FRAME["price"].to_list()
    assert not trades.report.reversed


def test_columns_can_be_named():
    frame = FRAME.rename({"price": "close"}).with_columns(date=pl.col("time"))
    same(read_trades(frame, {"price": "close", "time": "date"}))
    assert dict(read_trades(frame, {"price": "close"}).report.columns)["price"] == "close"


def test_a_column_named_for_one_role_is_no_candidate_for_another():
    frame = FRAME.rename({"amount": "qty"}).with_columns(size=pl.Series([7, 8, 9]))
    trades = read_trades(frame, {"id": "size"})
    same(trades)
    assert trades.id.tolist() == [7, 8, 9]


def test_binance_names_that_differ_by_case(write):
    row = "{},6356.73,1,5,5,1534131395000,true,true\n"
    trades = read_trades(write("a,p,q,f,l,T,m,M\n" + row.format(7) + row.format(8)))
    assert trades.time.tolist() == [1534131395.0] * 2
    assert trades.id.tolist() == [7, 8]
    assert trades.side.tolist() == [-1, -1]  # the buyer was the maker, so the seller took the initiative


SIDES = {
    "words": (["buy", "Sell", "BUY"], [1, -1, 1]),
    "letters": (["b", "s", "b"], [1, -1, 1]),
    "signs": ([1, -1, 1], [1, -1, 1]),
    "float signs": ([1.0, -1.0, 1.0], [1, -1, 1]),
    "maker": ([True, False, True], [-1, 1, -1]),
}


@pytest.mark.parametrize(("cells", "expected"), SIDES.values(), ids=SIDES.keys())
def test_sides(cells, expected):
    assert read_trades(FRAME.with_columns(side=pl.Series(cells))).side.tolist() == expected


def test_ids_may_be_text():
    assert read_trades(FRAME.with_columns(tid=pl.Series(["a", "b", "1"]))).id.tolist() == ["a", "b", "1"]
    assert read_trades(FRAME.with_columns(tid=pl.Series(["7", "8", "9"]))).id.dtype == np.int64
    assert read_trades(FRAME.with_columns(tid=pl.Series([2**63, 1, 2], dtype=pl.UInt64))).id[0] == str(2**63)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (
            {"side": ["up", "down", "up"]},
            "the column 'side' was left out: .* is 'up'; it must be buy or sell",
        ),
        ({"id": [1, None, 3]}, r"the column 'id' was left out: .* row 1 of the table .* is empty"),
        ({"tid": [1, 2, 3], "trade_id": [1, 2, 3]}, "the id could be 'tid' or 'trade_id', so none was read"),
    ],
)
def test_a_guessed_column_that_makes_no_sense_is_left_out(extra, words):
    trades = read_trades(FRAME.with_columns(**{name: pl.Series(cells) for name, cells in extra.items()}))
    same(trades)
    assert trades.id is None
    assert trades.side is None
    assert any(re.search(words, note) for note in trades.report.notes)
    assert set(trades.report.columns) == {"time", "price", "amount"}


def test_an_empty_name_does_without_a_column():
    assert read_trades(FRAME.with_columns(id=pl.Series([1, 2, 3])), {"id": ""}).id is None


def test_real_trades():
    folder = os.environ.get("OSTINATO_DATA")
    if not folder:
        pytest.skip("OSTINATO_DATA is unset: it names the folder that holds btcusd-trades.csv")
    trades = read_trades(Path(folder) / "btcusd-trades.csv")
    assert len(trades) == 102_588
    assert (trades.time[0], trades.price[0], trades.amount[0]) == (1534131395, 6356.73, 0.96017748)
    assert trades.report.lines()[0] == "read 102,588 trades from btcusd-trades.csv"
    assert (np.diff(trades.price) == 0).mean() == pytest.approx(0.32, abs=0.01)
