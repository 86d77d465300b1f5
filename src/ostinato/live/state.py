"""The state of an engine: lost on a stop, restored by replaying stored events."""

from dataclasses import dataclass, field

from ..store import Flag, Store
from .events import Position
from .forecaster import LiveForecaster


@dataclass(eq=False)
class EngineState:
    """The models on a store and their positions.

    store: the events and all that was said of them.
    champion: number of the champion in the store; ``forecaster`` steps it.
    shadow: number and forecaster of a challenger, which is stepped and compared, and is not published.
    position: of the last event that the models have seen.
    pending: of predictions that wait for their outcome, by key: when they were on the disk, and their flags.
    """

    store: Store
    champion: int
    forecaster: LiveForecaster
    shadow: tuple[int, LiveForecaster] | None = None
    position: Position | None = None
    pending: dict[int, tuple[float, Flag]] = field(default_factory=dict)
