"""Open the feed of an exchange from its address."""

from dataclasses import replace
from typing import Literal

from ....errors import ConfigError
from ..address import Address, binance_address
from ..feed import Feed, Timeouts
from .feed import BinanceBars, BinanceTrades
from .streams import INTERVALS


def open_binance(
    address: Address,
    kind: Literal["trades", "bars"] = "trades",
    step: float | None = None,
    timeouts: Timeouts | None = None,
) -> Feed:
    """Open the feed of one symbol; no request is sent before its ``batches`` run.

    Args:
        address: what ``parse_address`` made of "binance:SYMBOL?rest=...&ws=...&speed=...".
        step: seconds of a bar; only for bars.
        patience: None: the usual one, for the exchange's speed.

    Raises:
        ConfigError: the address cannot be right, or the exchange has no bars of this length.
    """
    where = binance_address(address)
    timeouts = timeouts or timeouts_for(where.speed)
    if kind == "trades":
        return BinanceTrades(where, timeouts)
    if step not in INTERVALS:
        known = ", ".join(INTERVALS.values())
        raise ConfigError(f"the exchange has no bars of {step} seconds; it has bars of {known}.")
    return BinanceBars(where, int(step), timeouts)


def timeouts_for(speed: float) -> Timeouts:
    """Timeouts for an exchange whose clock runs ``speed`` times as fast: the network does not get faster."""
    usual = Timeouts().scaled(speed)
    return replace(
        usual,
        connect=max(usual.connect, 5.0),
        stale=max(usual.stale, 2.0),
        backoff=max(usual.backoff, 0.02),
        backoff_cap=max(usual.backoff_cap, 1.0),
        clock=max(usual.clock, 1.0),
        hole=max(usual.hole, 0.05),
        lagging=max(usual.lagging, 1.0),
        minute=max(usual.minute, 0.5),
        renewal=max(usual.renewal, 5.0),
    )
