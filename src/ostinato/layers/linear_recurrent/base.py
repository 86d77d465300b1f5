"""Base class of linear recurrent layers, computed by a scan: sizes, the state at each row's length, and a trace.

Axes: B batch, T time steps, I input features, H hidden features.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ...core import SequenceLayer, fill_padding
from ..sizes import at_least_one


class LinearRecurrent(SequenceLayer):
    """A recurrence that is linear in its state: a scan runs all steps of a chunk. Subclasses write ``steps``.

    There are neither layers above each other nor directions in it: ``Chain`` and ``Residual`` stack, ``Reversed`` runs
    from the end.

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.

    Raises:
        ConfigError: a size is below 1.
    """

    input_size: int
    output_size: int
    receptive_field: float = math.inf

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        at_least_one(input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.output_size = input_size, hidden_size, hidden_size

    def steps(
        self, x: Tensor, state: Any, lengths: Tensor | None, trace: bool = False
    ) -> tuple[Tensor, Any, Any]:
        """y, the state after, and where ``trace`` asks for it a NamedTuple of what is on the way, (B, T, H) each."""
        raise NotImplementedError(f"{type(self).__name__} does not define steps().")

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """All steps at once."""
        y, after, _ = self.steps(x, state, lengths)
        return y, after

    def trace(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any, Any]:
        """As calling the layer, and everything on the way: each gate after its sigmoid, each state.

        Returns:
            y and the state as the layer returns them, and a NamedTuple of tensors (B, T, H), zero on padded steps.

        Raises:
            As calling the layer.

        >>> from ostinato.layers import MinGRU
        >>> y, state, on_the_way = MinGRU(3, 5).trace(torch.zeros(4, 7, 3))
        >>> on_the_way._fields, tuple(on_the_way.update.shape)
        (('update', 'candidate', 'hidden'), (4, 7, 5))
        """
        x, state, lengths = self._validate(x, state, lengths)
        y, after, seen = self.steps(x, state, lengths, trace=True)
        return fill_padding(y, lengths), after, type(seen)(*(fill_padding(part, lengths) for part in seen))

    def zeros(self, batch: int, dtype: torch.dtype | None, device: torch.device | str | None) -> Tensor:
        """A part of a state, (B, H), like the weights where nothing else is asked for."""
        like = next(self.parameters())
        return torch.zeros(batch, self.hidden_size, dtype=dtype or like.dtype, device=device or like.device)


def at_lengths(h: Tensor, start: Tensor, lengths: Tensor | None) -> Tensor:
    """``h`` (B, T, H) after each row's last step; ``start`` (B, H) for a row without steps."""
    if h.shape[1] == 0:
        return start
    if lengths is None:
        return h[:, -1].to(start.dtype, copy=True)  # a view would keep the whole chunk alive
    last = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, h.shape[2])
    return torch.where((lengths > 0)[:, None], h.gather(1, last)[:, 0], start).to(start.dtype)
