"""Addresses of feeds."""

import math

import pytest

from ostinato.errors import ConfigError
from ostinato.live.feeds.address import Address, binance_address, parse_address
from ostinato.live.feeds.binance import open_binance
from ostinato.live.feeds.binance.opening import timeouts_for
from ostinato.live.feeds.feed import Timeouts


def test_a_symbol_alone_means_the_public_market_data():
    where = binance_address(parse_address("binance:btcusdt"))
    assert where == ("BTCUSDT", "https://data-api.binance.vision", "wss://data-stream.binance.vision", 1.0)


def test_options_are_taken_apart():
    text = "binance:BTCUSDT?rest=http://127.0.0.1:9000&ws=ws://[::1]:9000/base/&speed=60"
    assert binance_address(parse_address(text)) == (
        "BTCUSDT",
        "http://127.0.0.1:9000",
        "ws://[::1]:9000/base",
        60.0,
    )


def test_a_replay_as_fast_as_it_can_still_gives_the_network_its_time():
    where = binance_address(parse_address("binance:BTCUSDT?speed=max"))
    assert where.speed == math.inf
    assert min(vars(timeouts_for(where.speed)).values()) > 0.0
    assert timeouts_for(1.0) == Timeouts()


def test_other_schemes():
    assert parse_address("stdin") == Address("stdin", "", {})
    assert parse_address("ccxt:kraken:BTC/USDT").name == "kraken:BTC/USDT"
    assert parse_address(r"file:C:\trades.csv?speed=10") == Address("file", r"C:\trades.csv", {"speed": "10"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("binanse:BTCUSDT", "Did you mean 'binance'"),
        ("BTCUSDT", "must begin with one of binance:"),
        ("", "must begin with"),
        ("binance:", "lacks a symbol such as BTCUSDT"),
        ("binance:BTC\x1b[31m", "printable"),
        ("binance:" + "B" * 3000, "at most 2000"),
        ("binance:BTCUSDT?sped=5", "Did you mean 'speed'"),
        ("binance:BTCUSDT?speed=5&speed=6", "given twice"),
        ("binance:BTCUSDT?speed=", "has no value"),
    ],
)
def test_a_wrong_address_is_told_in_one_sentence(text, says):
    with pytest.raises(ConfigError, match=says) as error:
        parse_address(text)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("binance:BTC/USDT", "1 to 20 letters"),
        ("binance:BTCUSDT?rest=http://api.example.com", "not encrypted"),
        ("binance:BTCUSDT?ws=ws://10.0.0.5:9000", "not encrypted"),
        ("binance:BTCUSDT?ws=ws://127.0.0.1.example.com", "not encrypted"),
        ("binance:BTCUSDT?ws=http://127.0.0.1:9000", "is no address"),
        ("binance:BTCUSDT?rest=file:///etc/passwd", "is no address"),
        ("binance:BTCUSDT?rest=http://127.0.0.1:99999", "is no address"),
        ("binance:BTCUSDT?rest=https://me:secret@api.example.com", "nothing else"),
        ("binance:BTCUSDT?rest=https://api.example.com/%3Fx=1%23", None),
        ("binance:BTCUSDT?speed=0", "above 0"),
        ("binance:BTCUSDT?speed=nan", "above 0"),
        ("binance:BTCUSDT?speed=fast", "above 0"),
    ],
)
def test_a_wrong_part_is_told_in_one_sentence(text, says):
    if says is None:
        says = "nothing else"
    with pytest.raises(ConfigError, match=says):
        binance_address(parse_address(text))


def test_bars_of_a_length_that_the_exchange_has():
    assert open_binance(parse_address("binance:BTCUSDT"), "bars", 60.0).step == 60.0
    with pytest.raises(ConfigError, match="no bars of 61 seconds; it has bars of 1s, 1m"):
        open_binance(parse_address("binance:BTCUSDT"), "bars", 61)
