"""Targets: what is forecast, with its labels, losses, metrics and baselines.

    base.py            the interface: ``Target``
    direction.py       the probability that a price will be strictly higher
    values.py          the distribution of a return, or of the columns of a table
    distributions.py   losses of distributions, for training
    ridge.py           the linear regression that the training of values starts from
    live_scorers.py    the same row by row, for a live run

Everything else takes a ``Target`` from ``target_of`` and knows neither of the two.
"""

from ..recipe import Recipe
from .base import (
    BaselineForecasts,
    Target,
    TrainingProblem,
)
from .direction import Direction, probability
from .values import Values

__all__ = [
    "BaselineForecasts",
    "Direction",
    "Target",
    "TrainingProblem",
    "Values",
    "probability",
    "target_of",
]


def target_of(recipe: Recipe) -> Target:
    """The target that a recipe names."""
    return Direction(recipe) if recipe.target == "direction" else Values(recipe)
