"""Online baselines of a live model: fitted with the run, updated by its events.

Axes: C columns, H horizons, Q levels, P numbers of a prediction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import BrokenRunError, ConfigError
from ....evaluation.online import OnlineBaseline, online_baseline
from ....experiment.task import Run
from ....runs.baselines import read_baselines
from ..live_baselines import OF_DIRECTIONS
from ..targets import Direction, Target, Values


class ColumnBaselines:
    """One baseline for each forecast column, used as one."""

    def __init__(self, each: Sequence[OnlineBaseline]) -> None:
        self.each = each

    def see(self, level: Sequence[float], gap: bool = False) -> None:
        """Update with the levels of a new row, (C,); NaN if not observed."""
        for one, own in zip(self.each, level, strict=True):
            one.see(own, gap)

    def learn(self, labels: np.ndarray) -> None:
        """Update with the outcomes of the row at the farthest horizon; only counts learn, of one number."""
        if len(labels) == 1:
            self.each[0].learn(float(labels[0]))

    def predict(self) -> np.ndarray:
        """(P,)"""
        return np.concatenate([np.ravel(one.predict()) for one in self.each])

    def state(self) -> list[Any]:
        """JSON-serializable state."""
        return [one.state() for one in self.each]

    def restore(self, state: list[Any]) -> None:
        """Restore a state exactly."""
        for one, own in zip(self.each, state, strict=True):
            one.restore(own)


@dataclass(frozen=True)
class OnlineBaselines:
    """Baselines by name, in the order of the ledger; ``units`` (C,) of the losses of several columns."""

    baselines: dict[str, ColumnBaselines]
    units: tuple[float, ...] | None


def live_baselines(run: Run, target: Target, names: Sequence[str] | None = None) -> OnlineBaselines:
    """The online baselines of a run; ``names``: those that a store already has, in its order.

    Raises:
        BrokenRunError: baselines.json is damaged, or lacks one of them.
    """
    carried = read_baselines(run.folder.baselines)
    fallback = OF_DIRECTIONS if isinstance(target, Direction) and not carried.baselines else ()
    wanted = tuple(names) if names is not None else (*carried.baselines, *fallback)
    columns = len(target.names) if isinstance(target, Values) else 1
    made = {}
    for name in wanted:
        parameters: list[Any] = list(carried.baselines.get(name, []))
        if not parameters and isinstance(target, Direction):
            parameters = [{"horizon": run.recipe.purge}] if name == "sign_table" else [None]
        if len(parameters) != columns:
            raise BrokenRunError(f"{run.folder.baselines} has no {name} for each of {columns} columns.")
        made[name] = ColumnBaselines([_made(name, own, run) for own in parameters])
    if carried.units and len(carried.units) != columns:
        raise BrokenRunError(f"{run.folder.baselines} has {len(carried.units)} units for {columns} columns.")
    _check_widths(made, target, run)
    return OnlineBaselines(made, tuple(carried.units) or None)


def _made(name: str, parameters: Any, run: Run) -> OnlineBaseline:
    try:
        return online_baseline(name, parameters)
    except ConfigError as error:
        raise BrokenRunError(f"{run.folder.baselines}: {error}") from None


def _check_widths(made: dict[str, ColumnBaselines], target: Target, run: Run) -> None:
    wanted = 1 if not isinstance(target, Values) else target.quantities * len(target.quantile_levels)
    for name, one in made.items():
        width = len(one.predict())
        if width != wanted:
            raise BrokenRunError(
                f"{run.folder.baselines}: {name} gives {width} numbers, the run gives {wanted}."
            )
