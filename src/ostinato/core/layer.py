"""``SequenceLayer``, the base class of every layer and model, and the contract that it defines.

    y, state = layer(x, state=None, lengths=None)

The six promises are written as checks in ``ostinato.checks``. This class validates the input, overwrites the padding
once, and passes clean values to ``run``.

Axes: B batch, T time steps in, T' time steps out, I input features, O output features, F frequencies, C channels.
"""

from typing import Any, Self

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError, StateError
from .autocast import autocast_active
from .devices import device_of, device_of_steps, input_dtype
from .lengths import fill_padding
from .representation import class_name, constructor_repr
from .sizes import axes
from .state import leaves, map_state, where_rows
from .stepper import Stepper
from .stepper_registry import check_steps, make_stepper
from .validation import Validated


def require_layers(owner: str, *layers: object) -> None:
    """Refuse an object that is not a ``SequenceLayer``.

    Raises:
        ConfigError: something else was given; the message says how to wrap it.
    """
    for layer in layers:
        if not isinstance(layer, SequenceLayer):
            raise ConfigError(
                f"{owner} takes layers that run along time, got {type(layer).__name__}. Wrap a module that looks "
                "at one step in Pointwise, one that looks at a fixed window in Windowed."
            )


class SequenceLayer(Validated):
    """A layer that runs along time. Subclasses implement ``run`` and declare their properties.

    To write a layer: set ``input_size`` and ``output_size``, declare what differs from the defaults
    below, return the state that None stands for from ``initial_state``, and compute in ``run``.
    Then add one line to the registry in ``tests/contract/registry/``.

    Attributes:
        input_size: features per step in, I, or (F, C) for x (B, T, F, C); None accepts either, of any number.
        output_size: features per step out, O, or (F, C); None means as many as came in.
        receptive_field: input steps that one output step can depend on; ``math.inf`` for a recurrence.
        latency: input steps by which the output lags: y[t] refers to x[t - latency].
        stride: input steps for each output step, a Fraction: 1/2 where each step in gives two out.
        block: input steps after which ``block / stride`` outputs have come, whatever the order within; a whole number.
        steps_out: how many steps come out of any sequence, where that is fixed; such a layer does not stream.
        streams: whether the layer can run in chunks. One that cannot takes no state and returns ().
        takes_codes: whether x may hold integers, as for an embedding.

    Shape:
        x (B, T, I) or (B, T, F, C); lengths (B,) valid steps of each row, 0 to T; state as ``initial_state`` makes it.
        y (B, T', O) or (B, T', F, C), zero on padded steps, T' = ``out_lengths`` of T.

    Raises:
        ShapeError: x has another shape or dtype, or is on another device.
        LengthsError: lengths do not describe the rows.
        StateError: the state is another layer's or of another batch size.
        StreamingError: a whole-sequence layer was given a state.
    """

    _constructor_repr = ""

    def __new__(cls, /, *arguments: Any, **options: Any) -> Self:
        layer = super().__new__(cls)
        if arguments or options:  # a copy is made without, and has them from the original
            object.__setattr__(layer, "_constructor_repr", constructor_repr(arguments, options))
        return layer

    def forward(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any]:
        """Run over the steps of x, starting from ``state``."""
        x, before, lengths = self._validate(x, state, lengths)
        y, after = self.run(x, before, lengths)
        if lengths is not None:
            y = fill_padding(y, self.out_lengths(lengths, before))
        return y, self._restore_dtype(before, after, x)

    def flush(self, state: Any) -> Tensor:
        """The pending outputs of a layer with latency when the stream ends: y (B, N, O).

        N outputs are what ``latency`` more steps would give. A layer that looks ahead meets zeros beyond the end.

        Where there is no tensor in the state, nothing is owed and nothing tells the rows: y is then an empty tensor
        (0,), which ``torch.cat`` joins to y of any number of rows.
        """
        self._check_kind(state)
        if next(leaves(state), None) is None:
            return self._example().new_zeros(0, dtype=self.output_dtype(self._example().dtype))
        return self(self._blank_padding(state), state)[0]

    def reset_rows(self, state: Any, mask: Tensor) -> Any:
        """``state`` with the rows where ``mask`` (B,) is true reset to the initial state.

        Raises:
            StateError: the state is another layer's, the mask is not one of these rows, or the layer is strided and
                stands within a block.
        """
        self._check_kind(state)
        some = next(leaves(state), None)
        if some is None:
            return state
        if not isinstance(mask, Tensor) or mask.dtype != torch.bool or mask.shape != some.shape[:1]:
            raise StateError(
                f"mask must be a bool tensor ({len(some)},), one value for each row of the state."
            )
        floats = [leaf.dtype for leaf in leaves(state) if leaf.is_floating_point()]
        fresh = self.initial_state(len(some), floats[0] if floats else None, some.device)
        return where_rows(mask, fresh, state)

    def last(self, x: Tensor) -> Tensor:
        """y (B, O) at the last step of x, from the initial state: used in training on windows.

        Raises:
            ShapeError: x is too short for a single output.
        """
        y = self.tail(x, 1)
        if y.shape[1] == 0:
            raise ShapeError(f"x has {x.shape[1]} steps, too few for an output: the stride is {self.stride}.")
        return y[:, -1]

    def ends(self, x: Tensor, lengths: Tensor) -> Tensor:
        """y (B, O) at the last valid output of each row, from the initial state: used to classify ragged rows.

        A row without an output gives zeros.

        Raises:
            ShapeError, LengthsError, StreamingError: as calling the layer does.

        >>> from ostinato.layers import GRU
        >>> tuple(GRU(3, 5).ends(torch.zeros(2, 7, 3), torch.tensor([7, 4])).shape)
        (2, 5)
        """
        y, _ = self(x, None, lengths)
        if y.shape[1] == 0:
            return y.new_zeros(y.shape[0], *y.shape[2:])
        count = self.out_lengths(lengths.long())
        last = y[torch.arange(len(y), device=y.device), (count - 1).clamp(min=0)]
        return torch.where((count > 0).view(-1, *[1] * (last.dim() - 1)), last, 0.0)

    def tail(self, x: Tensor, count: int) -> Tensor:
        """y (B, N, O) at the last ``count`` steps of x (all if there are fewer), from the initial state.

        A layer that sees a fixed number of steps is not run on those that none of these outputs can see.

        Raises:
            ShapeError: count is no whole number of at least 1.
        """
        check_count(count)
        self._check_input(x)
        if self.keeps_pace and not self.recurrent:
            x = x[:, -(count + int(self.receptive_field) - 1) :]
        return self(x)[0][:, -count:]

    def stepper(
        self,
        batch: int = 1,
        state: Any = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Stepper:
        """A stepper, which runs this layer one step at a time with its present weights.

        Args:
            batch: rows that are stepped together, B.
            state: where to begin, as this layer returns it; None is the beginning.
            dtype: of x; None is that of the weights, float64 where the layer reads raw columns.
            device: of x; None is that of the weights, or of the state where there are none, else the CPU.

        Raises:
            StreamingError: the layer needs the whole sequence, or is not in ``eval()``.
            StateError: the state is another layer's or of another batch size.
            ShapeError: the batch is no whole number of at least 1, x of that dtype is not what the layer takes, or the
                layer is on another device.

        >>> from ostinato.layers import GRU
        >>> stepper = GRU(3, 5).eval().stepper()
        >>> tuple(stepper.step(torch.zeros(1, 3)).shape), tuple(stepper.state.hidden.shape)
        ((1, 5), (1, 1, 5))
        """
        check_steps(self, batch)
        if dtype is not None:
            self._check_steps_of(dtype, batch)
        made = make_stepper(self, batch, dtype or input_dtype(self), device_of_steps(self, device, state))
        if state is not None:
            made.restore(state)
        return made

    def _restore_dtype(self, before: Any, after: Any, x: Tensor) -> Any:
        """The new state in the dtype of the old one: autocast narrows products, but a state must not lose precision."""
        if not self.streams or not autocast_active(x):
            return after
        return map_state(lambda new, old: new.to(old.dtype), after, before)

    def _check_steps_of(self, dtype: object, batch: int) -> None:
        """Refuse a dtype that x may not have."""
        if not isinstance(dtype, torch.dtype):
            raise ShapeError(f"dtype must be a torch.dtype, such as torch.float32, got {dtype!r}.")
        if self.input_size is not None:
            with torch.inference_mode():
                self(torch.zeros(batch, 1, *axes(self.input_size), dtype=dtype, device=device_of(self)))

    def _blank_padding(self, state: Any) -> Tensor:
        """``latency`` steps of zeros for the rows of ``state``, which holds at least one tensor."""
        example = next((leaf for leaf in leaves(state) if leaf.is_floating_point()), None)
        if example is None:  # no number is remembered, so any tells the dtype
            example = self._example().to(next(leaves(state)).device)
        batch = max(len(leaf) for leaf in leaves(state))
        return example.new_zeros(batch, self.latency, *axes(self.input_size or 1))

    def _example(self) -> Tensor:
        """A tensor with the dtype and device of this layer."""
        return next(self.parameters(), torch.zeros(0, device=device_of(self)))

    def extra_repr(self) -> str:
        """Arguments of the constructor, for ``repr``; attributes set later are not shown."""
        return self._constructor_repr

    def _get_name(self) -> str:
        return class_name(self)


def check_count(count: int) -> None:
    """Refuse an invalid number of steps.

    Raises:
        ShapeError: it is no whole number of at least 1.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ShapeError(f"count must be a whole number of steps of at least 1, got {count!r}.")
