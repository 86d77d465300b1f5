"""Addresses become feeds, and what cannot be is said in a sentence."""

import math
import sys

import polars as pl
import pytest

from ostinato.data.reading import read_panel
from ostinato.errors import ConfigError, DataError, FeedError
from ostinato.live.feeds.feed import Feed
from ostinato.live.feeds.opening import EXAMPLES, open_feed

TRADES = ("price", "amount")
BARS = ("open", "high", "low", "close", "volume")


@pytest.fixture
def trades(tmp_path):
    path = tmp_path / "trades.csv"
    rows = range(600)
    pl.DataFrame(
        {"time": [1e9 + row for row in rows], "price": [5.0 + row for row in rows], "amount": 1.0}
    ).write_csv(path)
    return path


def test_each_scheme(trades):
    feed = open_feed("binance:btcusdt", "trades", TRADES)
    assert (feed.name, feed.kind, feed.columns, feed.step) == ("binance:BTCUSDT", "trades", TRADES, None)
    feed = open_feed("binance:BTCUSDT", "bars", BARS, 60.0)
    assert (feed.kind, feed.columns, feed.step) == ("bars", BARS, 60.0)
    feed = open_feed(f"file:{trades}?speed=60", "trades", TRADES)
    assert (feed.kind, feed.columns, feed.speed) == ("trades", TRADES, 60.0)
    feed = open_feed(f"file:{trades}", "bars", BARS, 60.0)
    assert (feed.kind, feed.columns, feed.step, feed.speed) == ("bars", BARS, 60.0, math.inf)
    feed = open_feed(f"file:{trades}", "table", ("amount", "price"), 1.0)
    assert (feed.kind, feed.columns, feed.step) == ("table", ("amount", "price"), 1.0)
    feed = open_feed("stdin:", "table", ("load",), 3600.0)
    assert (feed.kind, feed.columns, feed.step) == ("table", ("load",), 3600.0)
    assert all(isinstance(feed, Feed) for _ in [0])


def test_a_panel_that_was_read_is_taken_as_it_is(trades):
    panel = read_panel(trades)
    assert open_feed("file:elsewhere.csv", "trades", TRADES, panel=panel).panel is panel


@pytest.mark.parametrize(
    "text", ["binanc:BTCUSDT", "trades.csv", "", ":", "kraken:BTC/USD", "binance", "x" * 5000, "a\x1b[31m:b"]
)
def test_an_unknown_scheme_shows_one_of_each(text):
    with pytest.raises(ConfigError, match="there is no feed") as caught:
        open_feed(text, "trades", TRADES)
    assert all(example in str(caught.value) for example in EXAMPLES.values())
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_what_was_meant_is_offered(trades):
    with pytest.raises(ConfigError, match=r"Did you mean 'binance'\?"):
        open_feed("binanc:BTCUSDT", "trades", TRADES)
    with pytest.raises(ConfigError, match=r"Did you mean 'file:.*trades.csv'\?"):
        open_feed(str(trades), "trades", TRADES)


def refused(text, kind, columns, step=None, panel=None):
    with pytest.raises((ConfigError, FeedError, DataError)) as caught:
        open_feed(text, kind, columns, step, panel=panel)
    return str(caught.value)


def test_events_that_a_feed_has_not(trades):
    assert "reads the columns of a table" in refused("binance:BTCUSDT", "table", ("load",))
    assert "by number of trades or volume" in refused("binance:BTCUSDT", "bars", BARS)
    said = refused("binance:BTCUSDT", "bars", BARS, 420.0)
    assert "no bars of 420" in said
    assert "1m, 3m, 5m" in said
    assert "the columns 'funding' too" in refused("binance:BTCUSDT", "bars", (*BARS, "funding"), 60.0)
    assert "reads only price" in refused("binance:BTCUSDT", "trades", ("price",))
    assert "are 60 s apart, and 300 s are asked" in refused(
        "file:x", "bars", BARS, 300.0, read_panel(trades, bars="1m")
    )
    assert "holds trades, and bars" in refused("file:x", "bars", BARS, 60.0, read_panel(trades))
    assert "there is no file" in refused("file:nowhere.csv", "trades", TRADES)
    assert "has no option 'sped'" in refused("file:x?sped=1", "trades", TRADES)
    assert "speed must be max or a number above 0" in refused(f"file:{trades}?speed=0", "trades", TRADES)
    assert "lacks a symbol; write it like ccxt:kraken:BTC/USD" in refused("ccxt:kraken", "trades", TRADES)


def test_an_absent_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ccxt", None)
    assert refused("ccxt:kraken:BTC/USD", "trades", TRADES) == (
        "other exchanges need the package ccxt: pip install 'ostinato[exchange]'."
    )


def test_standard_input_has_no_name():
    with pytest.raises(ConfigError, match=r"'stdin:foo' has no name after its colon; write stdin: alone"):
        open_feed("stdin:foo", "trades", TRADES)
