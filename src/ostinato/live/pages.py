"""Pages of an exchange's history, and the frames made from them. Axes: N rows."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from ..data.bars import parse_bars
from ..errors import ConfigError
from .feeds.binance.messages import AggTrade, Kline
from .feeds.binance.rest import RestClient
from .feeds.binance.streams import INTERVALS

DAY = 86_400.0
STEPS = {name: float(seconds) for seconds, name in INTERVALS.items()}


class TradePages:
    """Aggregate trades of one symbol, page by page; a key is an id."""

    thing = "trade"

    def __init__(self, client: RestClient, symbol: str) -> None:
        self.client, self.symbol = client, symbol

    async def page(self, key: int | None, start: float) -> list[AggTrade]:
        """The page after ``key``; if that is None, after the time ``start``."""
        if key is None:
            return await self.client.agg_trades(self.symbol, start=start)
        return await self.client.agg_trades(self.symbol, from_id=key + 1)

    async def newest(self) -> list[AggTrade]:
        """The latest trade."""
        return await self.client.agg_trades(self.symbol, limit=1)

    def key(self, row: Any) -> int:
        """The id of a trade."""
        return row.id

    def time(self, row: Any) -> float:
        """The time of a trade."""
        return row.time

    def frame(self, rows: Sequence[Any]) -> pl.DataFrame:
        """(N, 5): id, time, price, amount, and the aggressor's side."""
        ids, prices, amounts, times, makers = zip(*rows, strict=True)
        sides = ["sell" if maker else "buy" for maker in makers]
        columns = {"id": ids, "time": _stamps(times), "price": prices, "amount": amounts, "side": sides}
        return pl.DataFrame(columns)


class BarPages:
    """Closed bars of one symbol and interval, page by page; a key is the opening time over the step."""

    thing = "bar"

    def __init__(self, client: RestClient, symbol: str, interval: str, now: float) -> None:
        self.client, self.symbol, self.interval = client, symbol, interval
        self.step, self.now = STEPS[interval], now

    async def page(self, key: int | None, start: float) -> list[Kline]:
        """The page after ``key``; if that is None, bars that open from the time ``start`` on. Closed bars only."""
        begin = start if key is None else self._opening(key + 1)
        return self._closed(await self.client.klines(self.symbol, self.interval, start=begin))

    async def newest(self) -> list[Kline]:
        """The latest closed bar."""
        return self._closed(await self.client.klines(self.symbol, self.interval, limit=2))[-1:]

    def key(self, row: Any) -> int:
        """The number of its step since 1970 began; of weeks, since the first Monday."""
        return round((row.open_time - self._origin) / self.step)

    def time(self, row: Any) -> float:
        """The opening time of a bar."""
        return row.open_time

    def frame(self, rows: Sequence[Any]) -> pl.DataFrame:
        """(N, 7): time, open, high, low, close, volume, and the number of trades."""
        names = ("open", "high", "low", "close", "volume", "trades")
        columns = {name: [getattr(row, name) for row in rows] for name in names}
        return pl.DataFrame({"time": _stamps([row.open_time for row in rows]), **columns})

    @property
    def _origin(self) -> float:
        return 4 * DAY if self.interval == "1w" else 0.0

    def _opening(self, key: int) -> float:
        return key * self.step + self._origin

    def _closed(self, rows: list[Kline]) -> list[Kline]:
        return [row for row in rows if row.open_time + self.step <= self.now]


def interval_of(bars: str) -> str:
    """The exchange's name of an interval given as 1m or 60m.

    Raises:
        ConfigError: it has none so long.
    """
    if bars in STEPS:
        return bars
    size = parse_bars(bars)
    near = [name for name, seconds in STEPS.items() if size.kind == "time" and seconds == size.size]
    if not near:
        raise ConfigError(
            f"the exchange has no bars of {bars}; it has {', '.join(STEPS)}. Others are made from trades: fetch "
            "those, and give --bars to fit."
        )
    return near[0]


def _stamps(times: Sequence[float]) -> pl.Series:
    """Seconds as datetimes of microseconds in UTC, (N,)."""
    ticks = pl.Series("time", times, pl.Float64) * 1e6
    return ticks.round().cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
