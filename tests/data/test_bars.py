"""Bars from trades, from shorter bars and from files, against pandas and numbers worked out by hand."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.bars import bars_of_trades, outage, parse_bars
from ostinato.data.reading import panel_of_trades, read_panel
from ostinato.data.trades import make_trades
from ostinato.errors import ColumnError, ConfigError, DataError

COLUMNS = ["open", "high", "low", "close", "volume"]


def trades(time, price, amount=None):
    time, price = np.array(time, float), np.array(price, float)
    return make_trades(
        "x.csv", time, price, np.ones(len(time)) if amount is None else np.array(amount, float)
    )


def walk(rows, seed=0, mean=7.0):
    random = np.random.default_rng(seed)
    time = 1_700_000_003 + np.cumsum(random.exponential(mean, rows)).round(3)
    return trades(time, 100 + np.cumsum(random.normal(size=rows)) / 50, random.lognormal(size=rows))


def by_pandas(source, rule):
    """What pandas makes of trades."""
    frame = pd.DataFrame(
        {"price": source.price, "volume": source.amount}, pd.to_datetime(source.time, unit="s")
    )
    bars = frame["price"].resample(rule).ohlc()
    bars["volume"] = frame["volume"].resample(rule).sum()
    bars["close"] = bars["close"].ffill()
    for name in ("open", "high", "low"):
        bars[name] = bars[name].fillna(bars["close"])
    return bars


@pytest.mark.parametrize(
    ("bars", "rule"), [("1s", "1s"), ("5s", "5s"), ("1m", "1min"), ("15m", "15min"), ("1h", "1h")]
)
def test_by_time_as_pandas_resamples(bars, rule):
    source = walk(5000)
    panel = bars_of_trades(source, bars)
    expected = by_pandas(source, rule).iloc[:-1]  # the last one is not over
    assert len(panel) == len(expected)
    np.testing.assert_array_equal(panel.time, expected.index.to_numpy("datetime64[s]").astype(int))
    for name in COLUMNS:
        np.testing.assert_allclose(panel.values[name], expected[name], rtol=1e-12)
    assert panel.step == parse_bars(bars).size
    assert panel.bars == bars


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 60), st.integers(1, 9), st.integers(0, 99))
def test_by_number_of_trades(rows, size, seed):
    source = walk(rows, seed)
    if rows // size < 2:
        with pytest.raises(DataError, match=r"too few: x\.csv does not fill two bars"):
            bars_of_trades(source, f"{size}t")
        return
    panel = bars_of_trades(source, f"{size}t")
    whole = rows // size
    groups = source.price[: whole * size].reshape(whole, size)
    np.testing.assert_array_equal(panel.values["open"], groups[:, 0])
    np.testing.assert_array_equal(panel.values["high"], groups.max(1))
    np.testing.assert_array_equal(panel.values["low"], groups.min(1))
    np.testing.assert_array_equal(panel.values["close"], groups[:, -1])
    np.testing.assert_array_equal(panel.time, source.time[: whole * size : size])
    assert panel.step is None
    assert panel.season is None


def by_loop(amounts, size):
    """The number of the bar of each trade, one trade at a time, and whether the last bar is full."""
    bar, total, numbers = 0, 0, []
    for amount in amounts:
        numbers.append(bar)
        total += amount
        if total >= size * (bar + 1):
            bar = total // size
    return np.array(numbers), total >= size * (numbers[-1] + 1)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 25), min_size=2, max_size=60))
def test_by_volume_a_trade_that_crosses_closes_its_bar(amounts):
    source = trades(range(len(amounts)), range(1, len(amounts) + 1), amounts)
    numbers, full = by_loop(amounts, 10)
    kept = numbers if full else numbers[numbers < numbers[-1]]
    if len(np.unique(kept)) < 2:
        return
    panel = bars_of_trades(source, "10v")
    frame = pl.DataFrame({"bar": kept, "price": source.price[: len(kept)], "v": source.amount[: len(kept)]})
    expected = frame.group_by("bar", maintain_order=True).agg(
        open=pl.first("price"), close=pl.last("price"), volume=pl.sum("v")
    )
    for name in ("open", "close", "volume"):
        np.testing.assert_array_equal(panel.values[name], expected[name])


def test_decimal_amounts_fill_a_bar_though_their_sum_falls_short():
    source = trades(range(30), range(1, 31), [0.1] * 30)
    assert bars_of_trades(source, "1v").values["open"].tolist() == [1, 11, 21]


def test_minutes_without_trades_are_flat():
    panel = bars_of_trades(trades([0, 10, 185, 240, 300], [1, 2, 3, 4, 5], [1, 1, 2, 1, 1]), "1m")
    assert panel.time.tolist() == [0, 60, 120, 180, 240]
    assert panel.values["close"].tolist() == [2, 2, 2, 3, 4]
    assert panel.values["low"].tolist() == [1, 2, 2, 3, 4]
    assert panel.values["volume"].tolist() == [2, 0, 0, 2, 1]
    assert panel.observed.tolist() == [True] * 5  # a quiet minute is an observation
    assert "2 bars without trades, flat at the close before" in panel.report.notes


def test_a_long_silence_is_an_outage():
    quiet, broken = outage(60.0), outage(60.0) + 60
    assert (quiet, outage(1.0), outage(3600.0), outage(86400.0)) == (3600, 600, 86400, 5 * 86400)
    for gap, seen in ((quiet, True), (broken, False)):
        panel = bars_of_trades(trades([0, gap, gap + 60, gap + 120], [1, 2, 3, 4]), "1m")
        assert panel.observed.tolist()[1:-3] == [seen] * len(panel.observed.tolist()[1:-3])
        assert panel.observed[[0, -2, -1]].all()
        assert panel.report.missing == (0 if seen else (broken - 60) / 60)


def test_the_last_bar_and_a_first_one_that_begins_part_of_the_way_through():
    notes = bars_of_trades(trades([30, 61, 121], [1, 2, 3]), "1m").report.notes
    assert "the first bar begins part of the way through" in notes
    assert "the last bar was not over yet and was left out" in notes
    assert (
        "the first bar begins part of the way through"
        not in bars_of_trades(trades([0, 61, 121], [1, 2, 3]), "1m").report.notes
    )


@pytest.mark.parametrize(
    "bars", ["", "1", "m", "1x", "0m", "-1m", "1.5m", "1.5t", "1M", "8d", "1e3t", "١m", "1 m"]
)
def test_sizes_that_are_none(bars):
    with pytest.raises(ConfigError, match=r"bars (must be 1s, 5s, 1m|by time may be)"):
        parse_bars(bars)


def test_sizes():
    assert [parse_bars(text)[:2] for text in ("90s", "4h", "1d", "7d", "100t", "0.5v")] == [
        *(("time", 90), ("time", 14400), ("time", 86400), ("time", 604800), ("trades", 100), ("volume", 0.5)),
    ]


def test_bars_without_end():
    with pytest.raises(DataError, match=r"would give 100,000,001 bars of 1s, only 4 of them"):
        bars_of_trades(trades([0, 1, 1e8, 1e8 + 1], [1, 1, 1, 1]), "1s")


def hours(rows, **more):
    random = np.random.default_rng(3)
    close = 100 + np.cumsum(random.normal(size=rows))
    first = np.append(100, close[:-1])
    frame = {"time": 1_500_000_000 // 3600 * 3600 + 3600 * np.arange(rows), "open": first, "close": close}
    frame["high"], frame["low"] = np.maximum(first, close) + 1, np.minimum(first, close) - 1
    return pl.DataFrame(frame | {"volume": random.lognormal(size=rows)} | more)


def test_longer_bars_as_pandas_resamples():
    frame = hours(200)
    panel = read_panel(frame, bars="4h")
    pandas = frame.to_pandas().set_index(pd.to_datetime(frame["time"].to_numpy(), unit="s"))
    expected = pandas.resample("4h").agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    whole = expected[: len(panel)]
    assert len(expected) - len(panel) in (0, 1)
    for name in COLUMNS:
        np.testing.assert_allclose(panel.values[name], whole[name], rtol=1e-12)
    assert (panel.step, panel.season, panel.bars) == (14400, 6, "4h")


def test_a_longer_bar_that_is_not_over_is_left_out():
    whole = hours(48).with_columns(time=pl.int_range(48) * 3600)
    assert read_panel(whole, bars="4h").time.tolist() == [4 * 3600 * k for k in range(12)]
    panel = read_panel(whole.head(47), bars="4h")
    assert panel.time.tolist() == [4 * 3600 * k for k in range(11)]
    assert "the last bar was not over yet and was left out" in panel.report.notes
    assert (
        "the first bar begins part of the way through" in read_panel(whole.tail(46), bars="4h").report.notes
    )


def test_bars_of_bars_that_cannot_be():
    panel = read_panel(hours(50))
    assert read_panel(panel, bars="1h") is panel
    with pytest.raises(ConfigError, match=r"30m is shorter\. Give --bars a multiple of 1 hour"):
        read_panel(panel, bars="30m")
    with pytest.raises(ConfigError, match="90m is no multiple"):
        read_panel(panel, bars="90m")
    with pytest.raises(ConfigError, match="100t can only be made from trades"):
        read_panel(panel, bars="100t")


def test_missing_bars_are_filled_flat_and_count_as_not_observed():
    whole = hours(100)
    panel = read_panel(whole.filter(~pl.col("time").is_in(whole["time"][[20, 21, 50]].implode())))
    assert np.flatnonzero(~panel.observed).tolist() == [20, 21, 50]
    assert len(panel) == 100
    for name in ("open", "high", "low", "close"):
        assert panel.values[name][[20, 21]].tolist() == [whole["close"][19]] * 2
    assert panel.values["volume"][[20, 21, 50]].tolist() == [0, 0, 0]
    assert any("3 steps of 1 hour missing" in note for note in panel.report.notes)
    longer = read_panel(panel, bars="2h")
    assert longer.observed is None or longer.observed.sum() >= 48


def test_a_longer_bar_opens_with_its_first_observed_part():
    whole = hours(48)
    start = int(np.flatnonzero(whole["time"].to_numpy() % 14400 == 0)[2])
    panel = read_panel(whole.filter(pl.col("time") != whole["time"][start]), bars="4h")
    at = int(np.flatnonzero(panel.time == whole["time"][start])[0])
    assert panel.values["open"][at] == whole["open"][start + 1]
    assert panel.values["high"][at] == whole["high"][start + 1 : start + 4].max()


def test_a_market_that_closes():
    whole = hours(24 * 20)
    panel = read_panel(whole.filter((pl.col("time") // 3600 % 24).is_between(9, 16)))
    assert len(panel) == 160
    assert panel.step is None
    assert panel.observed is None
    assert any(note.startswith("pauses between bars of 1 hour") for note in panel.report.notes)


def test_swapped_volumes_are_put_right():
    frame = hours(100)
    money = (frame["volume"] * frame["close"] * 1.001).to_numpy()
    units = frame["volume"].to_numpy()
    swapped = np.arange(100) < 61
    dirty = frame.with_columns(
        pl.Series("volume", np.where(swapped, money, units)),
        pl.Series("Volume USD", np.where(swapped, units, money)),
    )
    panel = read_panel(dirty)
    np.testing.assert_array_equal(panel.values["volume"], units)
    assert any("look swapped in 61 rows" in note for note in panel.report.notes)
    clean = read_panel(frame.with_columns(pl.Series("Volume USD", money)))
    np.testing.assert_array_equal(clean.values["volume"], units)
    assert not any("swapped" in note for note in clean.report.notes)
    unrelated = read_panel(dirty.with_columns(pl.Series("Volume USD", np.arange(100.0))))
    np.testing.assert_array_equal(unrelated.values["volume"], dirty["volume"])


def test_volumes_cannot_be_told_apart_at_a_price_of_one():
    frame = hours(100).with_columns(pl.col("open", "high", "low", "close") / 100)
    panel = read_panel(frame.with_columns(pl.Series("Volume USD", frame["volume"] * frame["close"])))
    np.testing.assert_array_equal(panel.values["volume"], frame["volume"])


def test_prices_of_bars():
    frame = hours(30)
    odd = frame.with_columns(high=pl.when(pl.int_range(30) < 3).then(0.5).otherwise("high"))
    notes = read_panel(odd).report.notes
    assert any(
        note.startswith("3 bars have a high below their open or close, the first in row 0") for note in notes
    )
    for value, shown in ((0.0, "0.0"), (-1.0, "-1.0"), (float("nan"), "nan"), (None, "empty")):
        bad = frame.with_columns(low=pl.when(pl.int_range(30) == 7).then(pl.lit(value)).otherwise("low"))
        with pytest.raises(
            DataError,
            match=rf"the low in row 7 of the table .* is {shown}; it must be a finite number above 0",
        ):
            read_panel(bad)
    with pytest.raises(ColumnError, match=r"looks like the high of bars.*--column high=NAME"):
        read_panel(frame.drop("high"))


def test_bars_without_volume():
    panel = read_panel(hours(30).drop("volume"))
    assert not panel.values["volume"].any()
    assert "there is no column of volume; it was taken as 0" in panel.report.notes


def test_trades_as_a_panel():
    source = walk(10)
    panel = panel_of_trades(source)
    assert (panel.kind, list(panel.values)) == ("trades", ["price", "amount"])
    assert panel.report is source.report
    same = read_panel(read_panel(source), bars="5t")
    np.testing.assert_array_equal(same.values["close"], bars_of_trades(source, "5t").values["close"])


def test_real_hourly_bars(real_data):
    panel = read_panel(real_data / "btcusd-hourly.csv")
    assert len(panel) == 33_259
    assert (panel.step, panel.season, panel.bars, panel.observed) == (3600, 24, "1h", None)
    assert (panel.time[0], panel.time[-1]) == (1526364000, 1646092800)
    assert panel.values["volume"][0] == 559.93
    assert panel.values["volume"].max() < 20_000
    text = " ".join(panel.report.notes)
    assert "look swapped in 20,143 rows" in text
    assert "the source was newest first and was reversed" in text
    assert "'unix' was read" in text


def test_real_trades_as_minutes(real_data):
    panel = read_panel(real_data / "btcusd-trades.csv", bars="1m")
    raw = pl.read_csv(real_data / "btcusd-trades.csv")
    minutes = raw.group_by(pl.col("time") // 60 * 60, maintain_order=True).agg(
        close=pl.last("price"), volume=pl.sum("amount")
    )
    there = np.isin(panel.time, minutes["time"])
    assert len(panel) - there.sum() == 139
    np.testing.assert_array_equal(panel.values["close"][there], minutes["close"][:-1])
    np.testing.assert_allclose(panel.values["volume"][there], minutes["volume"][:-1], rtol=1e-12)
