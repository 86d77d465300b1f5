"""Build the rows that a model reads from events, identical to the offline ones.

Axes: I inputs.
"""

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

from ....data.bars import EDGE, parse_bars
from ....data.layout import Every, Kind, Layout, Role
from ....errors import ConfigError, StateError
from ....live import Event
from ..features import BAR_COLUMNS
from ..recipe import Recipe

MOST_FILLED = 10_000  # rows that are filled at once, of a longer silence the last ones
PRICES = BAR_COLUMNS[:4]


class Row(NamedTuple):
    """time: seconds since the Unix epoch. values: the recipe's inputs, in their order."""

    time: float
    values: tuple[float, ...]
    observed: bool = True


class FeedRequirements(NamedTuple):
    """The feed that a run requires."""

    kind: Kind
    columns: tuple[str, ...]
    step: float | None


def feed_requirements(recipe: Recipe) -> FeedRequirements:
    """The events that a run requires.

    Raises:
        ConfigError: the run cannot be run live, and why.
    """
    if recipe.known_inputs:
        names = ", ".join(map(repr, recipe.known_inputs))
        raise ConfigError(
            f"this run wants {names}, known in advance, which no feed gives. Fit one without --known and --holidays."
        )
    if recipe.kind == "trades" or _counted(recipe):
        return FeedRequirements("trades", ("price", "amount"), None)
    return FeedRequirements(recipe.kind, recipe.inputs, recipe.step)


def layout_of_events(recipe: Recipe) -> Layout:
    """The layout of a run's events, as a store exports them, derived from the layout of its data."""
    assert recipe.layout is not None
    need = feed_requirements(recipe)
    if need.kind == "trades":
        return Layout(source="trades", columns={"time": "time", "price": "price", "amount": "amount"})
    prices: tuple[Role, ...] = ("open", "high", "low", "close", "volume") if need.kind == "bars" else ()
    named = {role: role for role in ("time", *prices)}
    given = {*named, *recipe.targets}
    return Layout(
        source=need.kind,
        columns=dict(named),
        covariates=tuple(name for name in need.columns if name not in given),
        every=recipe.layout.every if recipe.step is None else Every.seconds_apart(recipe.step),
        pauses=recipe.layout.pauses,
        clock=recipe.layout.clock,
    )


def rows_of(recipe: Recipe) -> "EventRows":
    """The row builder of a recipe."""
    if recipe.kind == "trades":
        return EventRows(recipe)
    if _counted(recipe):
        return CountedBars(recipe)
    return EventRows(recipe) if recipe.step is None else RegularRows(recipe)


def _counted(recipe: Recipe) -> bool:
    """Return whether bars are made of a number of trades, or of a volume."""
    return recipe.kind == "bars" and bool(recipe.bars) and parse_bars(recipe.bars).kind != "time"


class RowState(ABC):
    """State between events, as plain numbers for a snapshot."""

    @abstractmethod
    def state(self) -> list[float]:
        """Numbers; empty if nothing was seen."""

    @abstractmethod
    def restore(self, state: list[float]) -> None:
        """Continue from them.

        Raises:
            StateError: they are not of this kind.
        """


class EventRows(RowState):
    """One row for each event."""

    def __init__(self, recipe: Recipe) -> None:
        columns = feed_requirements(recipe).columns
        self.inputs = recipe.inputs
        self.order = [columns.index(name) for name in recipe.inputs if name in columns]
        self.same = self.order == list(range(len(columns)))

    def of(self, event: Event) -> list[Row]:
        """The rows that an event completes, missing rows before it included."""
        return [Row(event.time, self._values(event))]

    def state(self) -> list[float]:
        """Nothing."""
        return []

    def restore(self, state: list[float]) -> None:
        """Nothing."""
        if state:
            raise StateError("this snapshot is of rows of another kind.")

    def reset(self) -> None:
        """Reset the state."""
        self.restore([])

    def _values(self, event: Event) -> tuple[float, ...]:
        return event.values if self.same else tuple(event.values[place] for place in self.order)


class RegularRows(EventRows):
    """A row at every step. A missing one repeats the last values and is not observed; a bar is flat, with no volume.

    The key of an event numbers its step, so a row is missing where a key is.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.bars, self.step = recipe.kind == "bars", recipe.step or 0.0
        self.last: tuple[int, Row] | None = None

    def of(self, event: Event) -> list[Row]:
        """The missing rows, then the row itself."""
        row = Row(event.time, self._values(event))
        filled = self._missing(event) if self.last else []
        self.last = event.key, row
        return [*filled, row]

    def state(self) -> list[float]:
        """The last row."""
        return [] if self.last is None else [float(self.last[0]), self.last[1].time, *self.last[1].values]

    def restore(self, state: list[float]) -> None:
        """The last row."""
        if len(state) not in (0, 2 + len(self.inputs)):
            raise StateError("this snapshot is of rows of another kind.")
        self.last = (int(state[0]), Row(state[1], tuple(state[2:]))) if state else None

    def _missing(self, event: Event) -> list[Row]:
        assert self.last is not None
        key, row = self.last
        values = self._flat(row.values) if self.bars else row.values
        count = min(event.key - key - 1, MOST_FILLED)
        return [Row(event.time - self.step * back, values, False) for back in range(count, 0, -1)]

    def _flat(self, values: tuple[float, ...]) -> tuple[float, ...]:
        close = values[self.inputs.index("close")]
        flat = dict.fromkeys(PRICES, close) | {"volume": 0.0}
        return tuple(flat.get(name, value) for name, value in zip(self.inputs, values, strict=True))


class CountedBars(EventRows):
    """Bars by number of trades or by volume, made of trades as ``data.bars_of_trades`` makes them."""

    trades: int  # in the bar that grows
    time: float  # of its first trade
    running: float  # volume since the beginning

    def __init__(self, recipe: Recipe) -> None:
        size = parse_bars(recipe.bars)
        self.inputs, self.by_volume, self.size = recipe.inputs, size.kind == "volume", size.size
        extra = [name for name in recipe.inputs if name not in BAR_COLUMNS]
        if extra:
            raise ConfigError(f"this run wants the column {extra[0]!r}, which trades do not have.")
        self.reset()

    def of(self, event: Event) -> list[Row]:
        """A bar if the trade completes one; a trade across the edge belongs to the bar that it closes."""
        price, amount = event.values
        if self.trades == 0:
            self.time, self.open, self.high, self.low, self.volume = event.time, price, price, price, 0.0
        self.trades += 1
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.volume += amount
        before = math.floor(self.running / self.size + EDGE)
        self.running += amount
        full = (
            math.floor(self.running / self.size + EDGE) > before
            if self.by_volume
            else self.trades >= self.size
        )
        if not full:
            return []
        self.trades = 0
        bar = {"open": self.open, "high": self.high, "low": self.low, "close": price, "volume": self.volume}
        return [Row(self.time, tuple(bar[name] for name in self.inputs))]

    def state(self) -> list[float]:
        """The forming bar, and the volume so far."""
        return [*(float(self.trades), self.time, self.open, self.high, self.low, self.volume, self.running)]

    def restore(self, state: list[float]) -> None:
        """The same."""
        trades, self.time, self.open, self.high, self.low, self.volume, self.running = state or [0.0] * 7
        self.trades = int(trades)
