"""The market: the trades of one symbol, and when each becomes visible.

Axes: N trades. Times on the wire are whole microseconds or milliseconds, so they are kept as integers; the moment at
which a trade becomes visible is kept apart, because a file that knows whole seconds only has many trades in one.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from ..data.trades import Trades
from ..errors import ConfigError, DataError, shortened

MICROS = 1_000_000
# ids of single trades lie elsewhere than those of aggregate trades, as they do at the real exchange: a client that
# mixes them up is found out at once
FIRST_TRADE_ID = 50_000_000
QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "TRY", "BRL", "JPY", "BTC", "ETH", "BNB")
SYMBOL = re.compile(r"[A-Z0-9]{2,20}")
LATEST = 2**53 // 1000  # seconds whose microseconds a float still counts


@dataclass(frozen=True, eq=False)
class Market:
    """The trades of one symbol, (N,) each, in the order in which they happened.

    micros   int64, time of a trade in microseconds since the Unix epoch, as it is sent to clients
    visible  float64, seconds since the Unix epoch at which it becomes known, never falling
    price, amount  float64
    sold     bool, the seller took the initiative (the buyer was the maker)
    first_id the id of the first aggregate trade; that of row i is ``first_id + i``
    halts    spans of time, (start, stop) in seconds, in which the exchange was down and made no bars
    """

    symbol: str
    base: str
    quote: str
    micros: np.ndarray
    visible: np.ndarray
    price: np.ndarray
    amount: np.ndarray
    sold: np.ndarray
    first_id: int = 0
    halts: tuple[tuple[float, float], ...] = ()

    def __len__(self) -> int:
        return len(self.micros)

    def known(self, moment: float) -> int:
        """How many trades are visible at ``moment``."""
        return int(np.searchsorted(self.visible, moment, "right"))

    def halted(self, start: float, seconds: float) -> "Market":
        """The same market with a pause: whatever would happen from ``start`` on happens ``seconds`` later."""
        whole = round(seconds * 1000) / 1000
        late = self.visible >= start
        return replace(
            self,
            micros=self.micros + late * round(whole * MICROS),
            visible=self.visible + late * whole,
            halts=(*self.halts, (start, start + whole)),
        )


def make_market(trades: Trades, symbol: str = "BTCUSDT", first_id: int = 0) -> Market:
    """Make a market of trades.

    Args:
        trades: of a file (``data.trades.read_trades``) or of the simulator.
        symbol: its name at the exchange, such as BTCUSDT.
        first_id: of the aggregate trade in row 0. With 0 ids are row numbers.

    Trades without a side get one by the tick rule: a trade below the last other price was a sale.
    Trades of one second, where times are whole seconds, become visible spread evenly within it.

    Raises:
        ConfigError: the symbol is none, or the id is negative.
        DataError: a trade has no time that the wire could carry.
    """
    base, quote = split_symbol(symbol)
    if first_id < 0:
        raise ConfigError(f"the first id must be 0 or more, got {first_id}.")
    if trades.time[0] < 0 or trades.time[-1] > LATEST:
        raise DataError(f"trades must lie between 1970 and {1970 + LATEST // 31_557_600}, in seconds.")
    micros = np.rint(trades.time * MICROS).astype(np.int64)
    sold = tick_rule(trades.price) if trades.side is None else trades.side < 0
    return Market(symbol, base, quote, micros, spread(micros), trades.price, trades.amount, sold, first_id)


def split_symbol(symbol: str) -> tuple[str, str]:
    """BTCUSDT as ("BTC", "USDT").

    Raises:
        ConfigError: it is not written so, or ends in no quote asset that is known here.
    """
    quote = next((q for q in QUOTES if symbol.endswith(q) and len(symbol) > len(q)), None)
    if quote is None or not SYMBOL.fullmatch(symbol):
        raise ConfigError(
            f"{shortened(symbol)} is no symbol: write it like BTCUSDT, in capitals, with one of "
            f"{', '.join(QUOTES)} at its end."
        )
    return symbol.removesuffix(quote), quote


def spread(micros: np.ndarray) -> np.ndarray:
    """When each trade becomes visible, (N,) seconds: those of one stamp evenly within the stamp's resolution."""
    if (micros % MICROS == 0).all():
        resolution = 1.0
    elif (micros % 1000 == 0).all():
        resolution = 0.001
    else:
        return micros / MICROS
    first = np.flatnonzero(np.diff(micros, prepend=micros[0] - 1))
    size = np.diff(first, append=len(micros))
    rank = np.arange(len(micros)) - np.repeat(first, size)
    return micros / MICROS + rank / np.repeat(size, size) * resolution


def tick_rule(price: np.ndarray) -> np.ndarray:
    """The tick rule: which trades were sales, (N,) bool: those below the last price that differs; the first ones count
    as buys.

    Source:
        Lee, Ready 1991, J. Finance 46.
    """
    moves = np.sign(np.diff(price, prepend=price[0]))
    last = np.maximum.accumulate(np.where(moves != 0, np.arange(len(price)), 0))
    return moves[last] < 0
