"""The interface of a model to the engine: one step for each event, and a serializable state.

Axes: P numbers of a prediction, K baselines, L labels of a prediction.
"""

from typing import NamedTuple, Protocol

import numpy as np

from ..store import Flag
from .events import Event


class Prediction(NamedTuple):
    """The prediction made after an event.

    numbers: (P,) float64. baselines: (K * P,) float64, one after the other.
    flags: why it does not count: made by a cold state, or on what the model was fitted on.
    """

    numbers: np.ndarray
    baselines: np.ndarray
    flags: Flag


class ResolvedPrediction(NamedTuple):
    """The outcome of the prediction at ``key``.

    actual: (L,) float64, NaN where it was never seen.
    losses: (1 + K,) float64, the model's and then each baseline's; NaN where nothing was seen.
    known: when the first of it was known, by our clock: of several horizons the nearest one's.
    """

    key: int
    actual: np.ndarray
    losses: np.ndarray
    known: float


class PendingPrediction(NamedTuple):
    """A prediction whose outcome is pending."""

    key: int
    numbers: np.ndarray
    baselines: np.ndarray


class ForecastStep(NamedTuple):
    """Result of one event: the new prediction, and the earlier predictions that it resolves.

    answer: None where the event only adds to a bar that is not full yet.
    """

    answer: Prediction | None
    outcomes: list[ResolvedPrediction]


class LiveForecaster(Protocol):
    """A model that is stepped. Its predictions depend on nothing but its state and the events.

    The same state and the same events give the same numbers, bit for bit: the ledger is hashed.
    """

    digest: str  # hex SHA-256 of the run: config and weights

    def step(self, event: Event) -> ForecastStep:
        """Step on one event.

        Raises:
            DataError: what the model says is not a number.
        """

    def skip_gap(self) -> list[ResolvedPrediction]:
        """Events were lost permanently: settle pending predictions with NaN and carry the state on."""

    def reset(self) -> list[ResolvedPrediction]:
        """Reset the state; settle pending predictions with NaN."""

    def pending(self) -> list[PendingPrediction]:
        """Pending predictions, in order."""

    def adopt(self, said: PendingPrediction) -> None:
        """Replace the pending prediction after an event by another model's; do nothing if none is pending."""

    def state(self) -> bytes:
        """All that the next step depends on, serialized."""

    def restore(self, state: bytes) -> None:
        """Continue from a state.

        Raises:
            StateError: it is not one of this model.
        """
