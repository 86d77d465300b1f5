"""Base class of parallel paths over the same steps, whether their outputs are added or concatenated.

Axes: B batch, T time steps, I input features, O output features.
"""

from typing import Any

import torch
from torch import Tensor

from ...core import Ending, SequenceLayer, StepSet
from .combinators import Combinator


class Paths(Combinator):
    """Several layers over the same x, whose outputs ``join`` makes one of. Their steps must come at the same time."""

    def join(self, parts: list[Tensor]) -> Tensor:
        """y of the outputs of all paths, which have the same steps."""
        raise NotImplementedError(f"{type(self).__name__} does not define join().")

    @property
    def block(self) -> int:
        """The same for every path."""
        return self.layers[0].block

    def sees_any(self, steps: StepSet) -> StepSet:
        """What any of the paths sees."""
        return StepSet.union(layer.sees_any(steps) for layer in self.layers)

    @property
    def reads_raw(self) -> bool:
        """Whether a path does."""
        return any(layer.reads_raw for layer in self.layers)

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """What the first path gives; the others must agree."""
        return self.layers[0].output_dtype(dtype)

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """The same for every path."""
        return self.layers[0].out_lengths(lengths, state[0] if state else None)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """The initial states of all; () if one of them does not stream."""
        if not self.streams:
            return ()
        return self.pack([layer.initial_state(batch, dtype, device) for layer in self.layers])

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Each path over the same steps."""
        layers = self.layers
        befores = state if self.streams else [None] * len(layers)
        pairs = [layer(x, before, lengths) for layer, before in zip(layers, befores, strict=False)]
        y = self.join([y for y, _ in pairs])
        return y, self.pack([after for _, after in pairs]) if self.streams else ()

    def tail(self, x: Tensor, count: int) -> Tensor:
        """Each path at the last steps."""
        return self.join([layer.tail(x, count) for layer in self.layers])

    def flush(self, state: Any) -> Tensor:
        """What all paths owe; where they come in blocks, the one may owe more of a block than the other."""
        self._check_kind(state)
        if not self.latency:
            return super().flush(state)
        owed = [layer.flush(part) for layer, part in zip(self.layers, state, strict=False)]
        steps = min(part.shape[1] for part in owed)
        return self.join([part[:, :steps] for part in owed])

    def end_after(self, before: Ending) -> Ending:
        """That of the path which gives least."""
        return min((layer.end_after(before) for layer in self.layers), key=lambda ending: ending.given)

    def _disagreement(self) -> tuple[str, list[Any]] | None:
        """The name of the first rate in which the paths differ, and the value of each."""
        for name in ("stride", "latency", "block", "steps_out"):
            values = [getattr(layer, name) for layer in self.layers]
            if len(set(values)) > 1:
                return name, values
        return None


def pace(layer: SequenceLayer) -> list[int]:
    """Steps that have come out after each step of a first block."""
    return [int(steps) for steps in layer.out_lengths(torch.arange(1, layer.block + 1, device="cpu"))]


def counted(steps: list[int]) -> str:
    """For people."""
    return ", ".join(map(str, steps))
