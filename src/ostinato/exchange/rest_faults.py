"""Faults of REST: how they change a reply while they are active."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat

from . import hostile
from .faults import Fault
from .limits import banned, too_much
from .messages import HTML, HttpRequest, Reply, as_json, error
from .plan import FaultWindow, MarketPlan

PLACE = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms."
)
FIREWALL = b"<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
BROKEN = (
    b"<html><head><title>500 Internal Server Error</title></head><body>Internal Server Error</body></html>"
)
LATE = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."  # after 10 s


def apply_faults(reply: Reply, request: HttpRequest, plan: MarketPlan, now: float) -> Reply:
    """The reply that a client gets: the correct one, or that reply changed by the active faults."""
    for name, change in CHANGES.items():
        fault = plan.active(name, now)
        if fault is None or not request.path.endswith(str(fault["path"])):
            continue
        if name == "rest_bomb" and "gzip" not in request.headers.get("accept-encoding", ""):
            continue
        window = next(w for w in plan.windows(name).within(now, now) if w.fault is fault)
        changed = change(reply, fault, window, now)
        return Reply(**vars(changed) | {"headers": reply.headers | changed.headers})
    return reply


def _too_much(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return too_much(6000, float(fault["retry_after"]) or window.stop - now)


def _banned(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return banned(now + float(fault["retry_after"]) if fault["retry_after"] else window.stop, now)


def _restricted(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(451, as_json({"code": 0, "msg": PLACE}))


def _hang(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    late = error(-1007, LATE, 408)
    late.delay = float(fault["seconds"])
    return late


def _truncated(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(reply.status, reply.body[: max(len(reply.body) * 2 // 3, 1)], reply.kind)


def _cut(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(reply.status, reply.body, reply.kind, cut=len(reply.body) // 2)


def _wrong(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(200, hostile.WRONG_ANSWERS[int(now * 1000) % len(hostile.WRONG_ANSWERS)])


def _deep(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(200, hostile.deep(int(fault["depth"])))


def _drip(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    body = reply.body

    def bytes_() -> Iterator[bytes]:
        return (body[i : i + 1] for i in range(len(body)))

    return Reply(200, chunks=bytes_, size=len(body), pause=float(fault["pause"]))


def _garbage(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(raw=hostile.noise(int(fault["seed"]), 512))


def _huge(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    size = max(int(fault["megabytes"]) * hostile.MEGABYTE, 2)
    return Reply(200, chunks=partial(hostile.blanks, size), size=size)


def _endless(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    return Reply(200, chunks=lambda: repeat(b" " * 65_536))


def _bomb(reply: Reply, fault: Fault, window: FaultWindow, now: float) -> Reply:
    make = partial(hostile.bomb, int(fault["megabytes"]))
    return Reply(200, chunks=make, headers={"Content-Encoding": "gzip"})


CHANGES: dict[str, Callable[[Reply, Fault, FaultWindow, float], Reply]] = {
    "rest_429": _too_much,
    "rest_418": _banned,
    "rest_403": lambda reply, fault, window, now: Reply(403, FIREWALL, HTML),
    "rest_451": _restricted,
    "rest_500": lambda reply, fault, window, now: Reply(500, BROKEN, HTML),
    "rest_hang": _hang,
    "rest_truncated": _truncated,
    "rest_cut": _cut,
    "rest_wrong_types": _wrong,
    "rest_deep": _deep,
    "rest_drip": _drip,
    "rest_garbage": _garbage,
    "rest_huge": _huge,
    "rest_endless": _endless,
    "rest_bomb": _bomb,
}
