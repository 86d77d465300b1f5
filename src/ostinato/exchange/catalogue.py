"""The catalogue of faults: what each does, how long it lasts, and its parameters.

Each was seen in the wild, in the issues of exchange clients; the hostile ones were not, and are worse.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["connection", "stream", "market", "rest", "hostile"]


@dataclass(frozen=True)
class FaultKind:
    """A kind of fault.

    does: in words.
    length: usual virtual seconds; 0 where it happens at once.
    parameters: what can be set, and what it is otherwise.
    fatal: a client rightly gives up at it.
    """

    family: Family
    does: str
    length: float = 0.0
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    fatal: bool = False

    @property
    def survivable(self) -> bool:
        """Whether a random script may contain it."""
        return not self.fatal and self.family != "hostile"


REST: dict[str, float | str] = {"path": ""}  # only paths that end so, such as aggTrades; empty: all

KINDS: dict[str, FaultKind] = {
    "abort": FaultKind("connection", "TCP is cut in the middle of a websocket frame (clients see code 1006)"),
    "close_1000": FaultKind("connection", "every websocket is closed with code 1000"),
    "close_1001": FaultKind("connection", "every websocket is closed with code 1001, going away"),
    "close_1008": FaultKind("connection", "every websocket is closed with code 1008, policy"),
    "half_open": FaultKind("connection", "open websockets go dead: no bytes either way, no FIN, no pong"),
    "silence": FaultKind("connection", "open websockets send no data while pings go on; new ones do", 60.0),
    "server_shutdown": FaultKind(
        "connection", "a serverShutdown event, and after `notice` seconds a close", 0.0, {"notice": 10.0}
    ),
    "day_close": FaultKind("connection", "every websocket is closed as after its 24 hours"),
    "pong_lost": FaultKind(
        "connection", "pongs are taken for missing, so open websockets are dropped after 1 minute"
    ),
    "refuse": FaultKind("connection", "new connections are cut at once", 10.0),
    "message_limit": FaultKind(
        "connection",
        "a client that sends more than `limit` messages in a second is disconnected",
        60.0,
        {"limit": 1},
    ),
    "burst": FaultKind("stream", "trades are held back, then sent all at once", 10.0),
    "duplicate": FaultKind(
        "stream", "this `share` of the trades is sent twice", 30.0, {"share": 1.0, "seed": 0}
    ),
    "reorder": FaultKind(
        "stream", "trades come in blocks of `block`, shuffled", 30.0, {"block": 4, "seed": 0}
    ),
    "gap": FaultKind("stream", "streams leave trades out; REST has them", 5.0),
    "gap_pruned": FaultKind(
        "stream", "streams leave trades out, and REST has lost them and all before them", 5.0
    ),
    "time_hole": FaultKind("market", "the exchange is down: ids go on without a hole, time jumps", 14_400.0),
    "symbol_break": FaultKind("market", "trading halts with the symbol's status BREAK", 120.0),
    "unknown_symbol": FaultKind(
        "market", "the symbol is not listed: REST says -1121, streams stay silent", 60.0, {}, True
    ),
    "kline_out_of_order": FaultKind(
        "stream", "after each bar's first update the bar before it comes again", 180.0
    ),
    "kline_unclosed": FaultKind("stream", "bars end without their message with x true", 180.0),
    "rest_429": FaultKind("rest", "429 with Retry-After", 10.0, {"retry_after": 5, **REST}),
    "rest_418": FaultKind("rest", "418, a ban, with Retry-After", 120.0, {"retry_after": 0, **REST}),
    "rest_403": FaultKind("rest", "403 of the firewall, as HTML", 10.0, REST),
    "rest_451": FaultKind("rest", "451: not served from this place", 60.0, REST, True),
    "rest_500": FaultKind("rest", "500 with an HTML page instead of JSON", 10.0, REST),
    "rest_hang": FaultKind(
        "rest", "answers come after `seconds`, as -1007 timeouts", 30.0, {"seconds": 10.0, **REST}
    ),
    "rest_truncated": FaultKind("rest", "JSON ends in the middle", 10.0, REST),
    "rest_cut": FaultKind("rest", "the connection is closed in the middle of the body", 10.0, REST),
    "rest_lag": FaultKind("rest", "REST is `by` seconds behind the streams", 30.0, {"by": 5.0}),
    "clock_skew": FaultKind("rest", "serverTime and E are wrong by `by` seconds", 300.0, {"by": -30.0}),
    "microseconds": FaultKind("rest", "all times are microseconds, though nobody asked", 60.0),
    "huge_frame": FaultKind("hostile", "a text frame of `megabytes`", 0.0, {"megabytes": 64}),
    "endless_frame": FaultKind("hostile", "a text frame that never ends", 30.0),
    "endless_fragments": FaultKind("hostile", "a message in fragments without a last one", 30.0),
    "garbage": FaultKind("hostile", "random bytes where a websocket frame should be", 0.0, {"seed": 0}),
    "not_text": FaultKind("hostile", "a text frame that is not UTF-8"),
    "deep_json": FaultKind("hostile", "a message of `depth` nested arrays", 0.0, {"depth": 100_000}),
    "wrong_types": FaultKind(
        "hostile", "stream messages whose fields have wrong types, are missing or absurd", 10.0
    ),
    "rest_wrong_types": FaultKind("hostile", "answers that are JSON of another shape", 10.0, REST),
    "rest_deep": FaultKind("hostile", "an answer of `depth` nested arrays", 10.0, {"depth": 100_000, **REST}),
    "rest_drip": FaultKind(
        "hostile", "answers come one byte in `pause` seconds", 60.0, {"pause": 1.0, **REST}
    ),
    "rest_garbage": FaultKind("hostile", "random bytes instead of HTTP", 10.0, {"seed": 0, **REST}),
    "rest_huge": FaultKind("hostile", "an answer of `megabytes`", 10.0, {"megabytes": 1024, **REST}),
    "rest_endless": FaultKind("hostile", "an answer in chunks that never end", 10.0, REST),
    "rest_bomb": FaultKind(
        "hostile", "a small gzip answer that unpacks to `megabytes`", 10.0, {"megabytes": 512, **REST}
    ),
}
FAULTS: dict[str, str] = {name: kind.does for name, kind in KINDS.items()}
"""Name and description of every fault."""
