"""Where an engine stands: what a stop loses, and a replay of the stored events brings back."""

from dataclasses import dataclass, field

from ..store import Flag, Store
from .events import Position
from .forecaster import Forecaster


@dataclass(eq=False)
class EngineState:
    """The models on a store and how far they have come.

    store: the events and all that was said of them.
    champion: number of the model that speaks, in the store; ``forecaster`` steps it.
    shadow: number and forecaster of a challenger, which is stepped and compared, and does not speak.
    position: of the last event that the models have seen.
    pending: of predictions that wait for their outcome, by key: when they were on the disk, and their flags.
    """

    store: Store
    champion: int
    forecaster: Forecaster
    shadow: tuple[int, Forecaster] | None = None
    position: Position | None = None
    pending: dict[int, tuple[float, Flag]] = field(default_factory=dict)
