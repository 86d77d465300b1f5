"""Squeeze-and-excitation: channels are scaled by weights computed from their running means.

Axes: B batch, T time steps, F frequencies, C features or channels, R squeezed channels.
"""

import math

import torch
from torch import Tensor, nn

from ...core import SequenceLayer, Size, axes
from ...errors import ConfigError
from ..options import one_of
from ..pooling import MeanState, empty_mean, running_mean
from ..sizes import at_least_one, check_size


class SqueezeExcitation(SequenceLayer):
    """y[t] = x[t] * sigmoid(W2 relu(W1 z[t] + b1) + b2), z the mean of each channel over time.

    Args:
        input_size: features per step, C; or (F, C), where the mean is over the frequencies too.
        reduction: how many times fewer channels lie between W1 and W2: R = C // reduction.
        over: 'past' takes the mean of all steps so far, and streams; 'sequence' that of all valid steps of the row,
            as the paper does of an image, and needs the whole sequence.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike; fc1.weight (R, C), fc2.weight (C, R). With over='past' state.mean (B, C)
        and state.steps (B,), with over='sequence' the state is ().

    Raises:
        ConfigError: a size is below 1, no channel is left after the reduction, or ``over`` is neither.
        StreamingError: a state is given, over='sequence'.

    Source:
        Hu et al. 2017, arXiv:1709.01507, section 3, equations 2 to 4. With biases, as the authors' code has them.
        The mean of the past is ours.
    """

    input_size: Size
    receptive_field = math.inf

    def __init__(self, input_size: Size, reduction: int = 16, over: str = "past") -> None:
        super().__init__()
        check_size(input_size=input_size)
        at_least_one(reduction=reduction)
        one_of("over", over, ("past", "sequence"))
        channels = axes(input_size)[-1]
        if reduction > channels:
            raise ConfigError(
                f"reduction must be 1 to {channels}, the channels of input_size, so that one is left, got {reduction}."
            )
        self.input_size = self.output_size = input_size
        self.over = over
        self.streams = over == "past"
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> MeanState | tuple[()]:
        """The mean of nothing. ``dtype`` does not matter."""
        return empty_mean(batch, axes(self.input_size)[-1], device) if self.streams else ()

    def run(
        self, x: Tensor, state: MeanState | tuple[()], lengths: Tensor | None
    ) -> tuple[Tensor, MeanState | tuple[()]]:
        """Squeeze, excite, scale."""
        squeezed = x.mean(2) if x.dim() > 3 else x  # (B, T, C)
        if isinstance(state, MeanState):
            means, state = running_mean(squeezed, state, lengths)
        else:
            count = x.shape[1] if lengths is None else lengths[:, None, None]
            means = squeezed.sum(1, keepdim=True) / torch.as_tensor(count).clamp(min=1)
        gates = self.fc2(self.fc1(means.to(x.dtype)).relu()).sigmoid()
        return x * (gates if x.dim() == 3 else gates[:, :, None]), state
