"""A seeded market, for demos and tests without data.

Axes: N trades, M metaorders.
"""

import numpy as np

from ..errors import ConfigError
from .trades import Trades, make_trades

FIRST_SECOND = 1_700_000_000  # 2023-11-14 22:13:20 UTC
FIRST_PRICE = 6_500.0
CENT = 0.01

MEAN_SECONDS = 4.0  # between two trades
SHOCK_WEIGHT, MEMORY_WEIGHT = 0.15, 0.83  # of the last gap and of the last expected gap
HURRY = 0.5  # gaps within a metaorder are shorter by this factor

TAIL = 1.4  # exponent of the lengths of metaorders; Lillo et al. find about 1.5
MOST_PIECES = 1000  # a limit to memory, far beyond what matters
NOISE_SHARE = 0.35  # trades by others, who buy and sell at random

HALF_SPREAD = 1.2e-4  # of the price
NEWS_SHARE = 0.26  # trades after which the quotes move by themselves
NEWS_SIZE = 1.0e-4  # of the price, at average volatility
VOLATILITY_MEMORY, VOLATILITY_SPREAD = 0.998, 0.6  # of log volatility: decay per trade, deviation
IMPACT = 0.3e-4  # of the price, where a trade takes all that the best quote offers
DEPTH_SPREAD, AMOUNT_SPREAD = 1.0, 1.3  # deviations of the logs of what is offered and taken


def simulate_trades(rows: int = 60_000, seed: int = 0) -> Trades:
    """Simulate trades of a market whose next price is slightly predictable.

    Args:
        rows: number of trades, N, at least 1.
        seed: the same seed gives the same trades.

    The model, and what each part leaves to be learned:

    - Large orders are traded in pieces (metaorders) whose number has a power-law tail, among trades of
      others. So buys follow buys, the more surely the longer they have: a memory longer than any table.
    - Trades happen at quotes around a hidden price (bid-ask bounce); the quotes stay until news or a
      large trade moves them, so one price in three repeats.
    - A trade that takes more than the best quote offers moves the price its way: amounts tell.
    - News comes in sizes whose volatility clusters (a log-normal AR(1)).
    - Gaps between trades cluster (an autoregressive conditional duration), and within a metaorder they
      are shorter: the clock tells who is trading. Stamps are whole seconds, as exchanges give them.

    Prices are multiples of 0.01. The time of a trade and the price before it are what a model may see;
    the sides are given too, as exchanges do.

    Raises:
        ConfigError: rows or seed are out of range.

    Source:
        Lillo, Mike, Farmer 2005, arXiv:cond-mat/0412708 (metaorders); Roll 1984, J. Finance 39 (bounce);
        Taylor 1986, Modelling Financial Time Series, section 3.5 (volatility); Engle, Russell 1998,
        Econometrica 66 (durations). The impact is a step at the depth of the quote instead of the usual
        concave function of the amount. The numbers were chosen by hand: about a third of next prices are
        higher, a third equal, and the table of the last four price moves is far from all there is to know.
    """
    if rows < 1:
        raise ConfigError(f"rows must be at least 1 trade, got {rows}.")
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}.")
    random = np.random.default_rng(seed)
    side, working = order_flow(random, rows)
    amount = np.exp(AMOUNT_SPREAD * random.standard_normal(rows)) * np.where(working, 0.5, 0.3)
    time = stamps(random, working)
    price = prices(random, side, amount)
    ids = np.arange(rows, dtype=np.int64)
    return make_trades(f"simulated market (seed {seed})", time, price, amount.round(8), ids, side)


def order_flow(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Sides (N,) int8, and which trades are pieces of a metaorder (N,) bool."""
    working = random.random(rows) >= NOISE_SHARE
    buy_or_sell = np.array([-1, 1], np.int8)
    # M = N is plenty, for a metaorder has at least one piece
    pieces = (1 + np.floor(random.pareto(TAIL, rows))).clip(max=MOST_PIECES).astype(np.int64)
    of_metaorder = np.repeat(random.choice(buy_or_sell, rows), pieces)[:rows]
    of_others = random.choice(buy_or_sell, rows)
    # the cumulative sum numbers the pieces; before the first one it is 0, and -1 is never looked at
    return np.where(working, of_metaorder[np.cumsum(working) - 1], of_others), working


def stamps(random: np.random.Generator, working: np.ndarray) -> np.ndarray:
    """Times of trades (N,), whole seconds."""
    shocks = random.standard_exponential(len(working))
    expected = gap = 1.0
    gaps = np.empty(len(working))
    for trade, shock in enumerate(shocks.tolist()):
        expected = 1.0 - SHOCK_WEIGHT - MEMORY_WEIGHT + SHOCK_WEIGHT * gap + MEMORY_WEIGHT * expected
        gaps[trade] = gap = expected * shock
    gaps *= np.where(working, HURRY, 2.0 - HURRY)
    return FIRST_SECOND + np.floor(MEAN_SECONDS * np.cumsum(gaps))


def prices(random: np.random.Generator, side: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Prices of trades (N,): the quote that each trade met."""
    rows = len(side)
    news = random.standard_normal(rows) * volatility(random, rows) * (random.random(rows) < NEWS_SHARE)
    took_all = amount > np.exp(DEPTH_SPREAD * random.standard_normal(rows))
    moves = NEWS_SIZE * news + IMPACT * side * took_all
    hidden = np.log(FIRST_PRICE) + np.cumsum(moves) - moves  # a trade moves the quotes of those after it
    quotes = np.exp(hidden + HALF_SPREAD * side)
    return np.maximum(np.round(quotes / CENT) * CENT, CENT).round(2)


def volatility(random: np.random.Generator, rows: int) -> np.ndarray:
    """A volatility that clusters, (N,), 1 in the median."""
    from scipy.signal import lfilter  # late: it takes half as long to load as torch

    step = VOLATILITY_SPREAD * np.sqrt(1 - VOLATILITY_MEMORY**2)
    shocks = step * random.standard_normal(rows)
    shocks[0] = VOLATILITY_SPREAD * random.standard_normal()  # begin anywhere, not at the median
    return np.exp(lfilter([1.0], [1.0, -VOLATILITY_MEMORY], shocks))
