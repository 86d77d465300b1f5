"""The state in which a challenger takes over: a file next to its run."""

from pathlib import Path

from ....errors import RunError, StateError
from ....files.atomic import atomic_file
from ....live.replaying import Track
from ....runs.reading import read_bytes
from ....store import Reader
from ..task import open_run
from .assembling import forecaster_of

STATE = "live.state"  # the key of the last event, 8 bytes, then the state
MAX_STATE_BYTES = 1 << 30


def write_state(store: Path, out: Path) -> None:
    """Step the new run on every stored event: its state must equal that of a replay of the store.

    It takes one step for each event, however many there are; a page of them is in memory.

    Raises:
        StateError: there is no event.
    """
    with Reader.open(store) as reader:
        forecaster = forecaster_of(open_run(out), reader.head.baselines, reader.head.units)
        track = Track(forecaster, [])
        key: int | None = None
        gap: int | None = None
        while events := reader.events_after(key):
            # asked for after the events, for the engine goes on; one behind the last event is left to who catches up
            while gaps := reader.gaps() if gap is None else reader.gaps(gap):
                gap = gaps[-1].first
                track.holes.extend(one for one in gaps if one.outcome == "unfillable")
            for event in events:
                track.step(event)
            key = events[-1].key
    if key is None:
        raise StateError(f"{store} holds no event.")
    with atomic_file(out / STATE) as file:
        file.write(key.to_bytes(8, "little", signed=True) + forecaster.state())


def read_state(path: Path) -> tuple[int, bytes]:
    """The key of the last event, and the state after it.

    Raises:
        StateError: there is none, or it is too large.
    """
    try:
        content = read_bytes(path, MAX_STATE_BYTES)
    except RunError as error:
        raise StateError(str(error)) from None
    if len(content) < 8:
        raise StateError(f"{path} holds no state.")
    return int.from_bytes(content[:8], "little", signed=True), content[8:]
