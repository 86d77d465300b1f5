"""A loopback exchange that speaks the public market data protocol of Binance spot, faults included.

    market.py      Market: the trades of one symbol, and when each can be known
    opening.py     open_market and start_of: a market from a file or the simulator, and where its clock begins
    clock.py       VirtualClock
    faults.py      Fault, make_fault, read_faults, random_faults: the fault script
    catalogue.py   FAULTS: every fault by name
    server.py      Exchange: REST and websockets on one port
    limits.py      ExchangeLimits, ServedCounts
    venue.py       what connections, websockets and the publisher share

Behind them: plan.py (what faults do to trades, worked out beforehand), tape.py (messages of trades), bars.py and
klines.py (bars), wire.py (JSON text), publisher.py (when what goes out), connection.py (HTTP), session.py and
control.py (websockets), rest.py, query.py, info.py and messages.py (REST), acts.py and rest_faults.py (faults),
hostile.py (what no exchange would send).

It shares no code with ``ostinato.live``: what both were to misread alike, no test would find.
"""

from typing import TYPE_CHECKING

from .catalogue import FAULTS
from .clock import VirtualClock
from .faults import Fault, make_fault, random_faults, read_faults
from .limits import ExchangeLimits, ServedCounts
from .market import Market, make_market
from .opening import open_market, start_of

if TYPE_CHECKING:
    from .server import Exchange

__all__ = [
    "FAULTS",
    "Exchange",
    "ExchangeLimits",
    "Fault",
    "Market",
    "ServedCounts",
    "VirtualClock",
    "make_fault",
    "make_market",
    "open_market",
    "random_faults",
    "read_faults",
    "start_of",
]


def __getattr__(name: str) -> object:
    """The server needs the extra ``live``; the script and the market do not."""
    if name != "Exchange":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .server import Exchange
    except ModuleNotFoundError as error:
        from ..errors import ConfigError

        raise ConfigError(f"the loopback exchange needs {error.name}: install ostinato[live].") from None
    return Exchange
