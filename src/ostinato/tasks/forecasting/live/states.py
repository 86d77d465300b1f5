"""The state in which a challenger takes over: a file beside its run."""

from pathlib import Path

from ....errors import StateError
from ....live.replaying import event_of
from ....store import Reader
from ..opening import open_run
from .assembling import forecaster_of

STATE = "live.state"  # the key of the last event, 8 bytes, then the state


def write_state(store: Path, out: Path) -> None:
    """Step the new run on every stored event."""
    reader = Reader.open(store)
    try:
        forecaster = forecaster_of(open_run(out), reader.head.baselines)
        holes = [gap for gap in reader.gaps() if gap.outcome == "unfillable"]
        key: int | None = None
        while events := reader.events_after(key):
            for event in events:
                while holes and holes[0].first < event.key:
                    holes.pop(0)
                    forecaster.hole()
                    if reader.head.policy == "reset":
                        forecaster.reset()
                forecaster.step(event_of(event))
            key = events[-1].key
    finally:
        reader.close()
    assert key is not None  # a run was fitted on them
    assert key is not None  # a run was fitted on them
    (out / STATE).write_bytes(key.to_bytes(8, "little", signed=True) + forecaster.state())


def read_state(path: Path) -> tuple[int, bytes]:
    """The key of the last event, and the state after it.

    Raises:
        StateError: there is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror or error}.") from None
    if len(content) < 8:
        raise StateError(f"{path} holds no state.")
    return int.from_bytes(content[:8], "little", signed=True), content[8:]
