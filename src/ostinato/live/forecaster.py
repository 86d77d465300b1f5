"""What the engine asks of a model: one step for each event, and a state that can be kept.

Axes: P numbers of a prediction, K baselines, L labels of a prediction.
"""

from typing import NamedTuple, Protocol

import numpy as np

from ..store import Flag
from .events import Event


class Answer(NamedTuple):
    """What is foreseen after an event.

    numbers: (P,) float64. baselines: (K * P,) float64, one after the other.
    flags: why it does not count: made by a cold state, or on what the model was fitted on.
    """

    numbers: np.ndarray
    baselines: np.ndarray
    flags: Flag


class Outcome(NamedTuple):
    """What became of the prediction at ``key``.

    actual: (L,) float64, NaN where it was never seen.
    losses: (1 + K,) float64, the model's and then each baseline's; NaN where nothing was seen.
    known: when the first of it was known, by our clock: of several horizons the nearest one's.
    """

    key: int
    actual: np.ndarray
    losses: np.ndarray
    known: float


class Said(NamedTuple):
    """A prediction that waits for its outcome."""

    key: int
    numbers: np.ndarray
    baselines: np.ndarray


class Step(NamedTuple):
    """What one event brings: what is foreseen now, and what earlier predictions it settles.

    answer: None where the event only adds to a bar that is not full yet.
    """

    answer: Answer | None
    outcomes: list[Outcome]


class Forecaster(Protocol):
    """A model that is stepped. Nothing it says depends on anything but its state and the event.

    The same state and the same events give the same numbers, bit for bit: the ledger is hashed.
    """

    digest: str  # hex SHA-256 of the run: config and weights

    def step(self, event: Event) -> Step:
        """See one event.

        Raises:
            DataError: what the model says is not a number.
        """

    def hole(self) -> list[Outcome]:
        """Events were lost for good: what waited for them is settled with NaN. The state goes on as it is."""

    def reset(self) -> list[Outcome]:
        """Forget everything that was seen; what waited is settled with NaN."""

    def waiting(self) -> list[Said]:
        """Predictions that wait, in order."""

    def inherit(self, said: Said) -> None:
        """Judge what another model said after an event instead of what this one did; nothing where none waits."""

    def state(self) -> bytes:
        """All that the next step depends on."""

    def restore(self, state: bytes) -> None:
        """Go on from a state.

        Raises:
            StateError: it is not one of this model.
        """
