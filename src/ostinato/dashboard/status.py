"""Whether what is shown can be believed now, in a word and in a sentence."""

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from ..store import Health

SILENT = 15.0  # seconds without a row of health, which comes each second: the engine is gone
LONG = 3600.0  # after so long nobody waits for it any more

Kind = Literal["live", "waiting", "stale", "ended", "lost"]


class LiveStatus(NamedTuple):
    """kind: "stale" and "lost" grey out the forecast. age: of the newest data, in seconds, None if there are none."""

    kind: Kind
    age: float | None
    words: str


def status(health: "Health | None", now: float, problem: str = "") -> LiveStatus:
    """What the latest row of health means at a time.

    Args:
        now: seconds since the Unix epoch, by this machine's clock.
        problem: why the store cannot be read, or nothing.
    """
    came = None if health is None else health.last_received
    age = None if came is None or not math.isfinite(came) else max(0.0, now - came)
    if problem:
        return LiveStatus("lost", age, f"The store cannot be read: {problem}")
    if health is None:
        return LiveStatus("waiting", None, "Nothing yet: no engine has written to this store.")
    at = _moment(health.time)
    if health.state in ("ended", "stopped"):
        how = "the feed came to its end" if health.state == "ended" else "it was stopped"
        return LiveStatus("ended", age, f"Ended {at}: {how}. What is shown is what was stored.")
    silence = now - health.time
    if silence > LONG:
        return LiveStatus("stale", age, f"Stale: the engine ended without a word; its last one was {at}.")
    if silence > SILENT:
        return LiveStatus("stale", age, f"Stale: the engine has said nothing for {span(silence)}.")
    if age is not None and age > health.stale_after:
        return LiveStatus("stale", age, f"Stale: the newest data are {span(age)} old.")
    return _at_work(health, age)


def _at_work(health: "Health", age: float | None) -> LiveStatus:
    if health.state == "stale":
        return LiveStatus("stale", age, "Stale: no data come.")
    words = {
        "starting": "Starting: the engine brings the model to where the store is.",
        "filling": "Filling: what was missed is fetched before new data count.",
        "waiting": "Waiting for the feed to come back.",
    }
    if health.state in words:
        return LiveStatus("waiting", age, words[health.state])
    return LiveStatus("live", age, "Live." if age is None else f"Live: the newest data are {span(age)} old.")


def _moment(time: float) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # a damaged store says anything
        return "at an unknown time"


def span(seconds: float) -> str:
    """A time for people.

    >>> span(0.25), span(75), span(7300), span(200_000)
    ('0.2 s', '1 min 15 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
