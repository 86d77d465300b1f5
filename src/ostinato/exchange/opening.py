"""Open a market from a file or from the simulator, and choose the moment at which its clock begins."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ..data.trades import read_trades
from ..errors import ConfigError, shortened
from .market import Market, make_market

HISTORY = 0.25  # of a simulated market, before the clock begins
BEFORE = 1.0  # seconds from the clock's start to the first live trade, where the market leaves so much


def open_market(
    trades: Path | str | None = None,
    rows: int = 60_000,
    seed: int = 0,
    symbol: str = "BTCUSDT",
    first_id: int = 0,
) -> Market:
    """The market of a trades file (CSV or parquet), or without one of the simulator.

    Raises:
        DataError: the file cannot be used.
        ConfigError: a number or the symbol is out of range.
    """
    if trades is not None:
        return make_market(read_trades(trades), symbol, first_id)
    from ..data.simulator import simulate_trades  # which takes a second to import, for scipy's sake

    return make_market(simulate_trades(rows, seed), symbol, first_id)


def start_of(market: Market, begin: str | float | None = None) -> float:
    """The moment, in seconds since the Unix epoch, after which trades come live; those before are history.

    Args:
        begin: a number of trades ("5000"), a share of them ("0.5" or "50%"), or a time ("2018-08-14 12:00", UTC unless
            it names another zone); None: no history.

    Raises:
        ConfigError: it is none of these, or nothing is left to come.
    """
    row = _row(market, begin)
    if row >= len(market):
        raise ConfigError(
            f"nothing is left to happen after --begin {shortened(str(begin))}: there are {len(market):,} trades, until "
            f"{datetime.fromtimestamp(float(market.visible[-1]), UTC):%Y-%m-%d %H:%M:%S} UTC."
        )
    first = float(market.visible[row])
    if not row:
        return first - BEFORE
    before = float(market.visible[row - 1])
    # trades of one moment cannot be parted; the clock then begins after all of them
    return max(first - BEFORE, before + (first - before) / 2)


def _row(market: Market, begin: str | float | None) -> int:
    text = "0" if begin is None else str(begin).strip()
    if re.fullmatch(r"\d{1,12}", text):
        return int(text)
    share = re.fullmatch(r"(\d{0,3}\.?\d{0,9})(%?)", text)
    if share and re.search(r"\d", share[1]):
        part = float(share[1]) / (100 if share[2] else 1)
        if part <= 1:
            return int(part * len(market))
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--begin must be a number of trades such as 5000, a share of them such as 0.5 or 50%, or a time such as "
            f"2018-08-14T12:00, got {shortened(text)}."
        ) from None
    return int(np.searchsorted(market.visible, seconds, "left"))
