"""What read_panel takes a source for, and files that are read in blocks."""

import gzip
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from ostinato.data import blocks, column_buffers, files
from ostinato.data.files import Text
from ostinato.data.reading import panel_of_trades, read_panel
from ostinato.data.trades import read_trades
from ostinato.errors import ColumnError, ConfigError, DataError

ROWS = 2000
TRADES = pl.DataFrame(
    {
        "time": 1_534_131_390 + np.arange(ROWS) * 2,
        "price": 100 + np.arange(ROWS) % 17 / 4,
        "amount": 1 + np.arange(ROWS) % 3 / 8,
        "id": np.arange(ROWS) + 2**60,
    }
)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of a few lines, so that a small file has many."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    monkeypatch.setattr(column_buffers, "MORE_ROWS", 3)


def whole_only(monkeypatch):
    def refuse(*_):
        raise blocks.UnusualError

    monkeypatch.setattr(files, "read_blocks", refuse)


FEW = TRADES.head(120)  # forty small blocks
TEXTS = {
    "plain": FEW.write_csv(),
    "windows": FEW.write_csv(line_terminator="\r\n"),
    "no last newline": FEW.write_csv().rstrip("\n"),
    "blank end": FEW.write_csv() + "\n" * 150,
    "byte order mark": "\ufeff" + FEW.write_csv(),
    "spaces": FEW.write_csv().replace(",", " , "),
    "quotes": FEW.cast(pl.String).write_csv(quote_style="always"),
    "semicolons": FEW.write_csv(separator=";"),
    "no header": "\ufeff" + FEW.drop("id").write_csv(include_header=False),
    "a line within quotes": FEW.with_columns(note=pl.lit("two\nlines")).write_csv(),
    "ISO times": FEW.with_columns(pl.from_epoch("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("packed", [False, True])
def test_blocks_give_what_the_whole_gives(text, packed, tmp_path, monkeypatch, small_blocks):
    path = tmp_path / ("x.csv.gz" if packed else "x.csv")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    in_blocks = read_trades(path)
    whole_only(monkeypatch)
    whole = read_trades(path)
    for name in ("time", "price", "amount"):
        np.testing.assert_array_equal(getattr(in_blocks, name), FEW[name])
        np.testing.assert_array_equal(getattr(whole, name), FEW[name])
        assert getattr(in_blocks, name).flags.writeable
    if whole.id is not None:
        np.testing.assert_array_equal(in_blocks.id, FEW["id"])  # beyond what float64 resolves
    assert in_blocks.report == whole.report


FAULTS = {
    "text": ("1534131490,abc,1.25,7", "price in row 52 of the file is 'abc'"),
    "zero": ("1534131490,0.0,1.25,7", "price in row 52 of the file is '0.0'"),
    "NaN": ("1534131490,NaN,1.25,7", "price in row 52 of the file is 'NaN'"),
    "empty": ("1534131490,,1.25,7", "price in row 52 of the file is empty"),
    "short": ("1534131490", "price in row 52 of the file is empty"),
    "cells": ("1534131490,1,1,7,7", "row 52 of the file has 5 cells, not 4"),
    "back": ("1534131390,1,1,7", "time in row 52 of the file is '1534131390', after '1534131488'"),
    "blank": ("", "time in row 52 of the file is empty"),
}


@pytest.mark.parametrize(("line", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_any_block_is_named_with_its_row(line, words, tmp_path, small_blocks):
    lines = FEW.write_csv().split("\n")
    lines[51] = line
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=words):
        read_trades(path)


def test_a_block_that_ends_within_quotes_is_not_guessed_at():
    schema = {"a": pl.String, "b": pl.String}
    assert blocks.cut(b'1,"x\ny"\n', schema, ",")["b"].to_list() == ["x\ny"]
    with pytest.raises(blocks.UnusualError):
        blocks.cut(b'1,2\n1,"x\n', schema, ",")


def test_only_columns_that_are_needed_are_kept(tmp_path):
    path = tmp_path / "x.csv"
    TRADES.with_columns(note=pl.lit("abc")).write_csv(path)
    table = files.open_source(path).read(["price", "note"], ["price", "note"])
    assert set(table.arrays) == {"price"}
    assert table.frame.columns == ["price", "note"]
    assert table.names == [*TRADES.columns, "note"]


def test_parquet_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("ostinato.files.parquet.BATCH_ROWS", 300)
    path = tmp_path / "x [1].parquet"
    TRADES.with_columns(side=pl.Series(["buy", "sell"] * 1000, dtype=pl.Categorical)).write_parquet(path)
    trades = read_trades(path)
    for name in ("time", "price", "amount", "id"):
        np.testing.assert_array_equal(getattr(trades, name), TRADES[name])
    assert trades.side[:2].tolist() == [1, -1]
    TRADES.with_columns(
        price=pl.when(pl.int_range(ROWS) == 1500).then(float("nan")).otherwise("price")
    ).write_parquet(path)
    with pytest.raises(DataError, match=r"the price in row 1500 of the table .* is nan"):
        read_trades(path)


def test_parquet_beyond_the_limits(tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    TRADES.write_parquet(path)
    monkeypatch.setattr(files, "PARQUET_LIMITS", files.PARQUET_LIMITS._replace(rows=ROWS - 1))
    with pytest.raises(DataError, match="it has more than the 1,999 rows allowed"):
        read_trades(path)
    monkeypatch.setattr(files, "PARQUET_LIMITS", files.PARQUET_LIMITS._replace(rows=ROWS, seconds=0.05))
    with pytest.raises(DataError, match=r"it was not read within 0.05 seconds"):
        read_trades(path)


def test_text_beyond_the_limit(tmp_path, monkeypatch):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(TRADES.write_csv().encode()))
    monkeypatch.setattr(blocks, "MOST_BYTES", 1000)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    with pytest.raises(DataError, match="holds more than"):
        read_trades(path)


BARS = TRADES.select("time", open="price", high="price", low="price", close="price", volume="amount")


def test_kinds():
    assert read_panel(TRADES).kind == "trades"
    assert read_panel(TRADES).row_ids.tolist() == TRADES["id"].to_list()
    assert read_panel(TRADES.drop("id")).row_ids is None
    assert read_panel(TRADES, bars="1m").kind == "bars"
    assert read_panel(BARS).kind == "bars"
    assert read_panel(BARS, target="return", bars="1m").step == 60
    assert read_panel(BARS, target="close").kind == "table"
    assert read_panel(TRADES.drop("id"), target="price, amount").targets == ("price", "amount")
    assert read_panel(read_trades(TRADES), bars="10t").bars == "10t"
    panel = panel_of_trades(read_trades(TRADES))
    assert read_panel(panel) is panel


def test_options_that_do_not_go_together():
    with pytest.raises(ConfigError, match="direction and the return of a price, not for the target 'close'"):
        read_panel(BARS, target="close", bars="1m")
    with pytest.raises(
        ConfigError, match="--id is for bars and tables, and the data frame was taken for trades"
    ):
        read_panel(TRADES, id="id")
    with pytest.raises(ConfigError, match="is a table; bars are made from trades or from shorter bars"):
        read_panel(read_panel(BARS, target="close"), bars="1m")
    with pytest.raises(ConfigError, match="there is no role 'closing'"):
        read_panel(BARS, columns={"closing": "close"})
    with pytest.raises(ColumnError, match="no column 'Close' for the close"):
        read_panel(BARS, columns={"close": "Close"})


def test_two_columns_of_times():
    both = BARS.rename({"time": "unix"}).with_columns(
        date=pl.from_epoch("unix").dt.strftime("%Y-%m-%d %H:%M:%S")
    )
    for frame in (both, both.select("date", pl.all().exclude("date"))):
        panel = read_panel(frame)
        np.testing.assert_array_equal(panel.time, BARS["time"])
        assert "the time is in 'date' too, the same in every row; 'unix' was read" in panel.report.notes
    trades = TRADES.with_columns(date=pl.from_epoch("time")).rename({"time": "unix"})
    assert any("'unix' was read" in note for note in read_panel(trades).report.notes)
    with pytest.raises(
        ColumnError, match=r"the time of the data frame could be 'unix' or 'date'. Choose with"
    ):
        read_panel(both.with_columns(unix=pl.col("unix") + 60 * (pl.int_range(ROWS) == 5)))


def test_bars_of_several_series_with_more_columns():
    two = pl.concat([BARS.with_columns(symbol=pl.lit(name), extra=pl.col("close") * 2) for name in "ab"])
    panel = read_panel(two, id="symbol", covariates=["extra"], holidays="US", bars="1m")
    assert panel.ids == ("a", "b")
    assert panel.known == ("holiday",)
    one = read_panel(BARS, bars="1m")
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(panel.values[name], np.tile(one.values[name], 2))
    np.testing.assert_array_equal(panel.values["extra"], 2 * panel.values["close"])


def test_reading_loads_neither_torch_nor_what_only_an_option_needs():
    script = "import sys; import ostinato.data.reading; sys.exit('torch' in sys.modules or 'holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_large_file_of_rubbish_is_refused_by_its_beginning(tmp_path, monkeypatch):
    path = tmp_path / "rubbish.csv"
    path.write_text("time,price,amount\n" + "alpha,beta,gamma\n" * 700_000)
    for name in ("read_all", "read"):
        monkeypatch.setattr(Text, name, lambda *_: pytest.fail("all of it was read"))
    with pytest.raises(ColumnError, match=r"rubbish\.csv: the time in row 2 of the file is 'alpha'"):
        read_panel(path)
