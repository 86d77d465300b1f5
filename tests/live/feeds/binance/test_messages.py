"""Every message of the protocol, literally, and what is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.live.feeds.binance.messages import (
    AggTrade,
    Control,
    Kline,
    RejectedError,
    parse_agg_trades,
    parse_frame,
    parse_klines,
    parse_symbols,
)

TRADE = (
    '{"e":"aggTrade","E":1672515782136,"s":"BTCUSDT","a":12345,"p":"16500.10000000","q":"0.00250000",'
    '"f":100,"l":105,"T":1672515782135,"m":true,"M":true}'
)
KLINE = (
    '{"e":"kline","E":1672515782136,"s":"BTCUSDT","k":{"t":1672515720000,"T":1672515779999,"s":"BTCUSDT","i":"1m",'
    '"f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0010","v":"1000","n":101,"x":false,'
    '"q":"1.0000","V":"500","Q":"0.500","B":"123456"}}'
)
ROW = '[1672515720000,"0.0010","0.0025","0.0010","0.0020","1000",1672515779999,"1.0",101,"500","0.5","0"]'


def test_a_trade():
    assert parse_frame(TRADE, "BTCUSDT") == AggTrade(12345, 16500.1, 0.0025, 1672515782.135, True)


def test_a_bar_that_forms_and_one_that_closed():
    forming = parse_frame(KLINE, "BTCUSDT", "1m")
    assert forming == Kline(1672515720.0, 0.001, 0.0025, 0.001, 0.002, 1000.0, 1672515779.999, False, 101)
    assert parse_frame(KLINE.replace('"x":false', '"x":true'), "BTCUSDT", "1m").closed is True


def test_combined_streams_wrap_the_same():
    wrapped = f'{{"stream":"btcusdt@aggTrade","data":{TRADE}}}'
    assert parse_frame(wrapped, "BTCUSDT") == parse_frame(TRADE, "BTCUSDT")


def test_microseconds_are_known_by_their_size():
    fine = TRADE.replace('"T":1672515782135', '"T":1672515782135250')
    assert parse_frame(fine, "BTCUSDT").time == 1672515782.13525


@pytest.mark.parametrize(
    ("frame", "kind", "text"),
    [
        ('{"e":"serverShutdown","E":1770123456789}', "shutdown", "shuts down"),
        ('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}', "shutdown", "shuts"),
        ('{"result":null,"id":1}', "reply", "None"),
        ('{"code":2,"msg":"Invalid request: unknown field"}', "error", "2: 'Invalid request"),
        ('{"error":{"code":3,"msg":"Invalid JSON: x"},"id":null}', "error", "3: 'Invalid JSON"),
    ],
)
def test_words_of_the_protocol(frame, kind, text):
    message = parse_frame(frame, "BTCUSDT")
    assert isinstance(message, Control)
    assert message.kind == kind
    assert text in message.text


def changed(old, new):
    assert old in TRADE
    return TRADE.replace(old, new)


HOSTILE = {
    "another symbol": changed("BTCUSDT", "ETHUSDT"),
    "a price of zero": changed("16500.10000000", "0.0"),
    "a negative amount": changed("0.00250000", "-1"),
    "nan": changed("16500.10000000", "nan"),
    "infinite": changed("16500.10000000", "Infinity"),
    "an exponent": changed("16500.10000000", "1e300"),
    "a price as a number": changed('"16500.10000000"', "16500.1"),
    "an underscore": changed("16500.10000000", "16_500"),
    "other digits": changed("16500.10000000", "١٦٥"),
    "a long price": changed("16500.10000000", "1" * 400),
    "an id below zero": changed("12345", "-1"),
    "an id too large": changed("12345", str(2**63)),
    "an id as text": changed("12345", '"12345"'),
    "an id as a truth": changed("12345", "true"),
    "an id as a fraction": changed("12345", "1.5"),
    "a time in seconds": changed('"T":1672515782135', '"T":1672515782'),
    "a time in nanoseconds": changed('"T":1672515782135', '"T":1672515782135000000'),
    "a time as text": changed('"T":1672515782135', '"T":"now"'),
    "a maker as a number": changed('"m":true', '"m":1'),
    "no price": changed('"p":"16500.10000000",', ""),
    "another event": changed("aggTrade", "trade"),
    "an event that is a list": changed('"aggTrade"', "[]"),
    "bare nan": '{"e":NaN}',
    "cut": TRADE[:-20],
    "empty": "",
    "a list": "[1,2]",
    "a text": '"hello"',
    "null": "null",
    "a wrapped nothing": '{"stream":"x","data":null}',
    "deep": '{"e":' + "[" * 20_000 + "]" * 20_000 + "}",
    "a huge number": '{"e":' + "9" * 50_000 + "}",
    "huge": TRADE + " " * 70_000,
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("frame", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_message_is_rejected_in_one_short_line(frame):
    with pytest.raises(RejectedError) as error:
        parse_frame(frame, "BTCUSDT")
    assert len(str(error.value)) < 500
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"h":"0.0025"', '"h":"0.0015"'),  # below the close
        ('"l":"0.0010"', '"l":"0.0011"'),  # above the open
        ('"i":"1m"', '"i":"5m"'),
        ('"T":1672515779999', '"T":1672515719999'),
        ('"x":false', '"x":"false"'),
        ('"v":"1000"', '"v":"-1"'),
        ('"k":{"t"', '"k":{"z"'),
    ],
)
def test_bars_that_cannot_be_are_rejected(old, new):
    assert old in KLINE
    with pytest.raises(RejectedError):
        parse_frame(KLINE.replace(old, new), "BTCUSDT", "1m")


def test_bars_where_trades_were_asked_for_are_rejected_and_the_other_way_round():
    with pytest.raises(RejectedError):
        parse_frame(KLINE, "BTCUSDT")
    with pytest.raises(RejectedError):
        parse_frame(TRADE, "BTCUSDT", "1m")


NAMES = st.sampled_from(["e", "s", "k", "a", "p", "stream", "data", "error", "result", "id"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text() | st.just("aggTrade")


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=12))
def test_nothing_else_than_rejection_comes_of_anything(value):
    try:
        message = parse_frame(json.dumps(value), "BTCUSDT")
    except RejectedError:
        return
    assert isinstance(message, Control)


REST_TRADE = (
    '{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}'
)


def test_answers_of_rest():
    assert parse_agg_trades(f"[{REST_TRADE}]".encode()) == [
        AggTrade(26129, 0.01633102, 4.70443515, 1498793709.153, True)
    ]
    (bar,) = parse_klines(f"[{ROW}]".encode())
    assert bar == Kline(1672515720.0, 0.001, 0.0025, 0.001, 0.002, 1000.0, 1672515779.999, None, 101)
    assert parse_agg_trades(b"[]") == []


@pytest.mark.parametrize(
    "body",
    [
        f"[{REST_TRADE},{REST_TRADE}]",
        f"[{','.join([REST_TRADE] * 1001)}]",
        f'{{"a":{REST_TRADE}}}',
        "[1]",
        "[null]",
        f"[{REST_TRADE}",
    ],
)
def test_trades_that_do_not_ascend_or_are_too_many_are_rejected(body):
    with pytest.raises(RejectedError):
        parse_agg_trades(body.encode())


@pytest.mark.parametrize("body", [f"[{ROW},{ROW}]", "[[1,2]]", '[{"t":1}]', "[[]]", '["abcdefghijkl"]', ROW])
def test_bars_that_do_not_ascend_or_are_none_are_rejected(body):
    with pytest.raises(RejectedError):
        parse_klines(body.encode())


def test_the_status_of_symbols_and_the_allowed_weight():
    body = (
        '{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT",'
        '"interval":"MINUTE","intervalNum":1,"limit":1200}],"symbols":[{"symbol":"BTCUSDT","status":"BREAK"}]}'
    )
    assert parse_symbols(body.encode()) == (1200, {"BTCUSDT": "BREAK"})
    with pytest.raises(RejectedError):
        parse_symbols(body.replace("BREAK", "\\u001b[31m").encode())
