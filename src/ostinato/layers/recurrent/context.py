"""A GRU with a context vector that enters every step, as a decoder uses the output of its encoder.

Axes: B batch, T time steps, I input features, H hidden features, K features of the context, L layers, D directions.
"""

from typing import Any, NamedTuple, Unpack

from torch import Tensor

from ...core import class_name
from ...errors import ShapeError
from ...ops import recurrent as ops
from ..sizes import at_least_one
from .base import RecurrentOptions
from .rnn import GRU


class ContextGRUState(NamedTuple):
    """What a GRU with a context remembers."""

    hidden: Tensor  # (B, L, H)
    context: Tensor  # (B, K)


class GivenContext(NamedTuple):
    """What a whole-sequence layer with a context begins with."""

    context: Tensor  # (B, K)


class ContextGRU(GRU):
    """Gated recurrent unit, a context vector k added to every gate.

        r, z = sigmoid(W x + b + U h + c + C k), each with its own W, b, U, c, C
        n = tanh(W x + b + U (r * h) + c + C k)       reset="before", or as in ``GRU``
        h = (1 - z) * h + z * n                       update="renew", or as in ``GRU``

    The context belongs to the sequence: ``begin`` makes the state to begin with, and ``state.context`` is handed on
    from chunk to chunk. Without it the context is zero, and so it is for rows that are reset. Gradients reach it.

    A layer that runs from the end has no state, but takes what ``begin`` makes: there it holds the context alone.

    Args:
        input_size: features per step, I.
        hidden_size: features of the hidden state and of the output, H.
        context_size: features of the context, K.
        num_layers: layers above each other, L; each takes the context.
        reset: "before" or "after"; after runs on torch's kernel.
        update: "renew" or "keep".
        options: as in ``Recurrent``.

    Shape:
        x (B, T, I), y (B, T, D * H), state.hidden (B, L, H), state.context (B, K).

    Raises:
        ConfigError: as in ``GRU``, or context_size is below 1.
        ShapeError: the context that ``begin`` gets has another shape or dtype.
        StreamingError: a state other than ``begin`` makes is given to a layer that runs from the end.

    Source:
        Kiros et al. 2015, arXiv:1506.06726, section 2.1, equations 5 to 8: the decoder; it reads the step before, which
        is the caller's to arrange. Cho et al. 2014, arXiv:1406.1078, section 2.2 and the appendix, has C k of n within
        the reset gate's reach and z the other way round.

    An encoder, and a decoder that takes the encoder's last state at each of its steps:

    >>> import torch
    >>> from ostinato.layers import GRU, ContextGRU
    >>> encoder, decoder = GRU(3, 8), ContextGRU(2, 6, context_size=8)
    >>> _, end = encoder(torch.zeros(4, 7, 3))
    >>> y, state = decoder(torch.zeros(4, 9, 2), decoder.begin(end.hidden[:, -1]))
    >>> tuple(y.shape), tuple(state.context.shape)
    ((4, 9, 6), (4, 8))
    """

    state_type = ContextGRUState
    constants = ("context",)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        context_size: int,
        num_layers: int = 1,
        *,
        reset: str = "before",
        update: str = "renew",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        at_least_one(context_size=context_size)
        self.context_size = context_size
        super().__init__(input_size, hidden_size, num_layers, reset=reset, update=update, **options)

    def begin(self, context: Tensor) -> Any:
        """The state to begin with, given a context (B, K).

        Raises:
            ShapeError: the context has another shape or dtype.
        """
        weight = self.weight_hh_l0
        if not isinstance(context, Tensor) or context.dim() != 2 or context.shape[1] != self.context_size:
            found = tuple(context.shape) if isinstance(context, Tensor) else type(context).__name__
            raise ShapeError(
                f"context must be a tensor (batch, {self.context_size}), one vector for each row, got {found}."
            )
        if context.dtype != weight.dtype or context.device != weight.device:
            raise ShapeError(
                f"context is {context.dtype} on {context.device}, the weights of {class_name(self)} are "
                f"{weight.dtype} on {weight.device}. Pass context.to(...) of both."
            )
        if not self.streams:
            return GivenContext(context)
        state = self.initial_state(len(context), context.dtype, context.device)
        if self.locked:
            return state._replace(memory=state.memory._replace(context=context))
        return state._replace(context=context)

    @property
    def is_vanilla(self) -> bool:
        """Never."""
        return False

    def sizes(self) -> tuple[int, ...]:
        """H and K."""
        return self.hidden_size, self.context_size

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """The usual four, and C as ``weight_context``."""
        return super().shapes(inputs) | {"weight_context": (3 * self.hidden_size, self.context_size)}

    def cell(self, suffix: str) -> ops.ContextCell:
        """The equations above."""
        return ops.ContextCell(super().cell(suffix), getattr(self, f"weight_context_{suffix}"))

    def _check_state(self, state: Any, x: Tensor) -> None:
        if self.streams or not isinstance(state, GivenContext):
            super()._check_state(state, x)
        else:
            self._check_leaf(0, state.context, x.new_zeros(0, self.context_size), len(x))

    def _entered(self, x: Tensor, state: Any) -> tuple[Tensor | None, Tensor | None, Any]:
        inputs, hidden, memory = super()._entered(x, state)
        if isinstance(state, GivenContext):
            memory = memory._replace(context=state.context)
        return inputs, hidden, memory
