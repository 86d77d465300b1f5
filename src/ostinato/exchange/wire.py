"""Serialization: JSON text of trades and bars, for REST and for streams.

Numbers are decimal strings with eight places, as the exchange writes them, or more where fewer would not give the same
float64 back. Times are milliseconds, or microseconds where a client asked for them.

Source:
    binance/binance-spot-api-docs, rest-api.md and web-socket-streams.md (2026-07-21).
"""

import json
from collections.abc import Iterable

import numpy as np

from .klines import Klines
from .market import FIRST_TRADE_ID, MICROS, Market

TRUTH = ("false", "true")


def decimal(value: float) -> str:
    """The shortest text of at least eight places that reads as the same float64.

    >>> decimal(6356.73), decimal(1e-9), decimal(0.1 + 0.2)
    ('6356.73000000', '0.000000001', '0.30000000000000004')
    """
    text = f"{value:.8f}"
    return text if float(text) == value else np.format_float_positional(value, trim="-")


def units(micros: int, micro: bool) -> int:
    """A time in microseconds as the wire has it."""
    return micros if micro else micros // 1000


def wire_time(moment: float, micro: bool) -> int:
    """A time in seconds as the wire has it."""
    return units(round(moment * MICROS), micro)


class TradeTexts:
    """Columns of some rows of a market as text, ready for the lines of JSON."""

    def __init__(self, market: Market, rows: np.ndarray, micro: bool) -> None:
        price, amount = market.price[rows], market.amount[rows]
        times = market.micros[rows]
        self.id = (rows + market.first_id).tolist()
        self.price = [decimal(value) for value in price.tolist()]
        self.amount = [decimal(value) for value in amount.tolist()]
        self.quote = [f"{value:.8f}" for value in (price * amount).tolist()]
        self.time = (times if micro else times // 1000).tolist()
        self.maker = [TRUTH[sold] for sold in market.sold[rows].tolist()]

    def aggregate(self) -> str:
        """The response of /api/v3/aggTrades."""
        return _array(
            f'{{"a":{a},"p":"{p}","q":"{q}","f":{a + FIRST_TRADE_ID},"l":{a + FIRST_TRADE_ID},'
            f'"T":{t},"m":{m},"M":true}}'
            for a, p, q, t, m in zip(self.id, self.price, self.amount, self.time, self.maker, strict=True)
        )

    def single(self) -> str:
        """The response of /api/v3/trades and /api/v3/historicalTrades."""
        return _array(
            f'{{"id":{a + FIRST_TRADE_ID},"price":"{p}","qty":"{q}","quoteQty":"{v}","time":{t},'
            f'"isBuyerMaker":{m},"isBestMatch":true}}'
            for a, p, q, v, t, m in zip(
                self.id, self.price, self.amount, self.quote, self.time, self.maker, strict=True
            )
        )

    def aggregate_events(self, symbol: str, events: list[int]) -> list[str]:
        """Messages of @aggTrade; events: when each is sent, E."""
        return [
            f'{{"e":"aggTrade","E":{e},"s":"{symbol}","a":{a},"p":"{p}","q":"{q}","f":{a + FIRST_TRADE_ID},'
            f'"l":{a + FIRST_TRADE_ID},"T":{t},"m":{m},"M":true}}'
            for e, a, p, q, t, m in zip(
                events, self.id, self.price, self.amount, self.time, self.maker, strict=True
            )
        ]

    def single_events(self, symbol: str, events: list[int]) -> list[str]:
        """Messages of @trade."""
        return [
            f'{{"e":"trade","E":{e},"s":"{symbol}","t":{a + FIRST_TRADE_ID},"p":"{p}","q":"{q}",'
            f'"T":{t},"m":{m},"M":true}}'
            for e, a, p, q, t, m in zip(
                events, self.id, self.price, self.amount, self.time, self.maker, strict=True
            )
        ]


def kline_rows(bars: Klines, micro: bool) -> str:
    """The response of /api/v3/klines."""
    return _array(
        f'[{units(bar["opened"], micro)},"{decimal(bar["open"])}","{decimal(bar["high"])}","{decimal(bar["low"])}",'
        f'"{decimal(bar["close"])}","{bar["volume"]:.8f}",{_closes(bar["ended"], micro)},"{bar["quote"]:.8f}",'
        f'{bar["stop"] - bar["start"]},"{bar["bought"]:.8f}","{bar["bought_quote"]:.8f}","0"]'
        for bar in _each(bars)
    )


def kline_events(
    market: Market, bars: Klines, interval: str, closed: bool, event: int | None, micro: bool
) -> list[str]:
    """Messages of @kline_<interval>; event: E in microseconds, None for the moment at which a bar closes."""
    texts = []
    for bar in _each(bars):
        traded = bar["stop"] > bar["start"]
        first = market.first_id + FIRST_TRADE_ID + bar["start"] if traded else -1
        last = market.first_id + FIRST_TRADE_ID + bar["stop"] - 1 if traded else -1
        e = units(bar["ended"] if event is None else event, micro)
        texts.append(
            f'{{"e":"kline","E":{e},"s":"{market.symbol}","k":{{"t":{units(bar["opened"], micro)},'
            f'"T":{_closes(bar["ended"], micro)},"s":"{market.symbol}","i":"{interval}","f":{first},"L":{last},'
            f'"o":"{decimal(bar["open"])}","c":"{decimal(bar["close"])}","h":"{decimal(bar["high"])}",'
            f'"l":"{decimal(bar["low"])}","v":"{bar["volume"]:.8f}","n":{bar["stop"] - bar["start"]},'
            f'"x":{TRUTH[closed]},"q":"{bar["quote"]:.8f}","V":"{bar["bought"]:.8f}","Q":"{bar["bought_quote"]:.8f}",'
            f'"B":"0"}}}}'
        )
    return texts


def wrapped(stream: str, text: str) -> str:
    """A message as the combined form has it, with the name of its stream."""
    return f'{{"stream":{json.dumps(stream)},"data":{text}}}'


def frame(text: str) -> bytes:
    """A websocket text frame, unmasked as a server's are (RFC 6455, section 5.2): the same bytes for every client."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def _closes(ended: int, micro: bool) -> int:
    return units(ended, micro) - 1


def _each(bars: Klines) -> Iterable[dict]:
    columns = {name: array.tolist() for name, array in vars(bars).items()}
    return (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _array(items: Iterable[str]) -> str:
    return f"[{','.join(items)}]"
