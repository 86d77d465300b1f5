"""WaveNet: gated blocks with residual and skip paths, and a stack of them.

Axes: B batch, T time steps, C channels of the residual path, D features of the condition, S features of the skip path,
K kernel size.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...core import SequenceLayer, StepSet, axes, fill_padding
from ...errors import ConfigError
from ..convolution import Conv1d
from ..options import yes_or_no
from ..sizes import at_least_one, whole_numbers
from ..sliding import SlidingState


class WaveNetBlockState(NamedTuple):
    """What the dilated kernel needs of the past."""

    history: Tensor  # (B, (K - 1) * dilation, C)


class WaveNetStackState(NamedTuple):
    """The blocks' states, from the first on."""

    blocks: tuple[WaveNetBlockState, ...]


class WaveNetBlock(SequenceLayer):
    """One gated, dilated step of the residual path; what it tells the output leaves by the skip path.

        z    = tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h)
        skip = U z + c
        y    = x + R z + b

        x -+-> dilated -+-> tanh ----.
           |            '-> sigmoid -x-> z -+-> 1 x 1 -> + -> y
           |                                '-> 1 x 1 ---|-> skip
           '---------------------------------------------'

    Calling it gives y; ``paths`` gives y and the skip apart.

    Args:
        channels: features of the residual path, C.
        kernel_size: steps of the kernel, K.
        dilation: distance in steps between the touched ones.
        skip_size: features of the skip path, S. None means one 1 x 1 for both paths, as in their figure: U is R.
        condition_size: features of h, D; 0 for none. h comes in the last D features of x.
        bias: whether biases are added.
        residual: whether y goes on to another block; the last of a stack has no R, and its y is the skip.

    Shape:
        x (B, T, C + D), y (B, T, C), skip (B, T, S), state.history (B, (K - 1) * dilation, C).

    Raises:
        ConfigError: a size is below 1, or condition_size below 0.

    Source:
        van den Oord et al. 2016, arXiv:1609.03499, equation 2 and figure 4. The condition is that of their section
        2.5, with a 1 x 1 V: h must have the steps of x, so put a ``ConvTranspose1d`` before it where it is slower; one
        that is the same at all steps is their global condition. W_f and W_g are one weight of 2 C rows, the filter's
        first.

    >>> block = WaveNetBlock(8, dilation=4, skip_size=16)
    >>> y, skip, state = block.paths(torch.zeros(2, 7, 8))
    >>> tuple(y.shape), tuple(skip.shape)
    ((2, 7, 8), (2, 7, 16))
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 2,
        *,
        dilation: int = 1,
        skip_size: int | None = None,
        condition_size: int = 0,
        bias: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        at_least_one(channels=channels, skip_size=1 if skip_size is None else skip_size)
        _check_condition(condition_size)
        yes_or_no(bias=bias, residual=residual)
        self.channels, self.condition_size = channels, condition_size
        self.skip_size = channels if skip_size is None else skip_size
        self.input_size = channels + condition_size
        self.output_size = channels if residual else self.skip_size
        self.gated = Conv1d(channels, 2 * channels, kernel_size, dilation=dilation, bias=bias)
        self.receptive_field = self.gated.receptive_field
        self.condition = nn.Conv1d(condition_size, 2 * channels, 1, bias=False) if condition_size else None
        self.residual = Conv1d(channels, channels, 1, bias=bias) if residual else None
        shared = residual and skip_size is None
        self.skip = None if shared else Conv1d(channels, self.skip_size, 1, bias=bias)

    def sees(self, step: int) -> StepSet:
        """What the dilated convolution does, the newest step among it."""
        return self.gated.sees(step)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> WaveNetBlockState:
        """Zeros before the beginning."""
        return WaveNetBlockState(*self.gated.initial_state(batch, dtype, device))

    def run(self, x: Tensor, state: WaveNetBlockState, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """The residual path."""
        x, condition = _split(x, self.channels)
        y, _, state = self.both(x, condition, state, lengths)
        return y, state

    def paths(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor, WaveNetBlockState]:
        """As calling the block, errors included, and the skip path beside it: y, skip and the state after."""
        x, state, lengths = self._validate(x, state, lengths)
        y, skip, state = self.both(*_split(x, self.channels), state, lengths)
        return fill_padding(y, lengths), fill_padding(skip, lengths), state

    def both(
        self, x: Tensor, condition: Tensor | None, state: WaveNetBlockState, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, WaveNetBlockState]:
        """y, skip and the state after, of x that is clean and the condition beside it."""
        z, state = self._gate(x, condition, state, lengths)
        skip = None if self.skip is None else _pointwise(self.skip, z)
        if self.residual is None:
            assert skip is not None
            return skip, skip, state
        residual = _pointwise(self.residual, z)
        return x + residual, residual if skip is None else skip, state

    def _gate(
        self, x: Tensor, condition: Tensor | None, state: WaveNetBlockState, lengths: Tensor | None
    ) -> tuple[Tensor, WaveNetBlockState]:
        """z and the state after."""
        both, after = self.gated.run(x, SlidingState(state.history), lengths)
        if self.condition is not None and condition is not None and x.shape[1]:
            both = both + self.condition(condition.transpose(1, 2)).transpose(1, 2)
        signal, gate = both.transpose(1, 2).split(
            self.channels, dim=1
        )  # where its gradients are joined again
        z = torch.tanh(signal) * torch.sigmoid(gate)
        return z.transpose(1, 2), WaveNetBlockState(after.history)


class WaveNetStack(SequenceLayer):
    """Gated blocks of growing dilation one after the other; y is the sum of their skips.

        x -> block -> block -> ... -> block
               |skip    |skip           |skip
               '--------+--------- + ---'-> y

    It sees 1 + (K - 1) * sum(dilations) steps: 1024 for dilations 1, 2, 4, ..., 512 and K = 2. Nothing uses what the
    last block would add to x, so it has no weights for that.

    Args:
        channels: features of the residual path, C.
        skip_size: features of the skip path, S; None means one 1 x 1 for both paths, and S = C.
        dilations: one for each block, in order.
        kernel_size: steps of every kernel, K.
        condition_size: features of the condition, D, which every block takes; 0 for none. It comes in the last D
            features of x.
        bias: whether biases are added.

    Shape:
        x (B, T, C + D), y (B, T, S), state.blocks the states of the blocks.

    Raises:
        ConfigError: a size or a dilation is below 1, there are no dilations, or condition_size is below 0.

    Source:
        van den Oord et al. 2016, arXiv:1609.03499, figure 4. Their causal convolution before the stack is a ``Conv1d``,
        and what is behind it a ``Chain(Pointwise(nn.ReLU()), Dense(S, S), Pointwise(nn.ReLU()), Dense(S, O))``.

    >>> WaveNetStack(8, 16, dilations=[2**n for n in range(10)]).receptive_field
    1024
    """

    def __init__(
        self,
        channels: int,
        skip_size: int | None = None,
        dilations: Sequence[int] = (1, 2, 4, 8),
        kernel_size: int = 2,
        *,
        condition_size: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        yes_or_no(bias=bias)
        if not isinstance(dilations, Sequence) or not dilations:
            raise ConfigError(f"dilations must be at least one number, such as (1, 2, 4), got {dilations!r}.")
        self.blocks = nn.ModuleList(
            WaveNetBlock(
                channels,
                kernel_size,
                dilation=dilation,
                skip_size=skip_size,
                condition_size=condition_size,
                bias=bias,
                residual=index < len(dilations) - 1,
            )
            for index, dilation in enumerate(whole_numbers("dilations", dilations))
        )
        self.channels = channels
        self.input_size, self.output_size = channels + condition_size, self.each[0].skip_size
        self.receptive_field = 1 + sum(block.receptive_field - 1 for block in self.each)

    @property
    def each(self) -> list[WaveNetBlock]:
        """The blocks."""
        return list(self.blocks)  # type: ignore[arg-type]

    def sees(self, step: int) -> StepSet:
        """What the first block sees through all others; each passes on its own input."""
        return self.sees_any(StepSet.of([step]))

    def sees_any(self, steps: StepSet) -> StepSet:
        """From the last block to the first."""
        for block in reversed(self.each):
            steps = block.sees_any(steps)
        return steps

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> WaveNetStackState:
        """Those of the blocks."""
        return WaveNetStackState(tuple(block.initial_state(batch, dtype, device) for block in self.each))

    def run(self, x: Tensor, state: WaveNetStackState, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Block after block, and the sum of what they tell."""
        x, condition = _split(x, self.channels)
        total, afters = None, []
        # what a block makes of padded steps need not be cleaned: the next looks back, and valid steps come first
        for block, before in zip(self.each, state.blocks, strict=True):
            x, skip, after = block.both(x, condition, before, lengths)
            total = skip if total is None else total + skip
            afters.append(after)
        assert total is not None
        return total, WaveNetStackState(tuple(afters))


def _pointwise(convolution: Conv1d, z: Tensor) -> Tensor:
    """A 1 x 1 of any number of steps."""
    return (
        convolution.slide(z)
        if z.shape[1]
        else z.new_zeros(z.shape[0], 0, *axes(convolution.output_size or 0))
    )


def _split(x: Tensor, size: int) -> tuple[Tensor, Tensor | None]:
    """The first ``size`` features, and the others where there are some."""
    return (x, None) if x.shape[2] == size else (x[..., :size], x[..., size:])


def _check_condition(condition_size: object) -> None:
    """Refuse what is no number of features.

    Raises:
        ConfigError: it is no whole number of at least 0.
    """
    if isinstance(condition_size, bool) or not isinstance(condition_size, int) or condition_size < 0:
        raise ConfigError(f"condition_size must be a whole number of 0 or more, got {condition_size!r}.")
