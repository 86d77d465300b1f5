"""Pooling of a whole sequence, of any length, to a fixed number of steps.

Axes: B batch, T time steps, N steps out, W steps of the widest part, C features, or F frequencies and C channels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...core import SequenceLayer, Size, axes
from ..sizes import at_least_one, check_size


class AdaptivePool(SequenceLayer):
    """What the kinds share: part i of N of a row with L steps is floor(i L / N) to ceil((i + 1) L / N)."""

    input_size: Size
    steps_out: int
    receptive_field = math.inf
    streams = False

    def __init__(self, input_size: Size, steps: int) -> None:
        super().__init__()
        check_size(input_size=input_size)
        at_least_one(steps=steps)
        self.input_size = self.output_size = input_size
        self.steps_out = steps

    def whole(self, x: Tensor) -> Tensor:
        """Rows of full length: channel-first x (B, C, T) to (B, C, N)."""
        raise NotImplementedError(f"{type(self).__name__} does not define whole().")

    def parts(self, x: Tensor, inside: Tensor) -> Tensor:
        """Each part to one number: x (B, N, W, C) to (B, N, C), where ``inside`` (B, N, W, 1) is true."""
        raise NotImplementedError(f"{type(self).__name__} does not define parts().")

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Parts of T where all rows are full, of each row's own length otherwise."""
        size = axes(self.input_size)
        if x.numel() == 0:
            return x.new_zeros(len(x), self.steps_out if x.shape[1] else 0, *size), ()
        x = x.flatten(2)
        if lengths is None:
            return self.whole(x.transpose(1, 2)).transpose(1, 2).unflatten(2, size), ()
        at = torch.arange(self.steps_out, device=x.device)
        start = lengths[:, None] * at // self.steps_out  # (B, N)
        end = -(-lengths[:, None] * (at + 1) // self.steps_out)
        widest = x.shape[1] // self.steps_out + 2
        position = start[..., None] + torch.arange(widest, device=x.device)  # (B, N, W)
        within = position.clamp(max=x.shape[1] - 1).flatten(1)[..., None].expand(-1, -1, x.shape[2])
        picked = x.gather(1, within).unflatten(1, position.shape[1:])
        return self.parts(picked, (position < end[..., None])[..., None]).unflatten(2, size), ()


class AdaptiveAvgPool1d(AdaptivePool):
    """The mean of each of ``steps`` parts of a row, whatever its length: y[i] = mean of part i.

    Part i of N of a row with L valid steps is floor(i L / N) to ceil((i + 1) L / N), the end left out: parts share a
    step where N does not divide L, and a row shorter than N gives the same step several times. A row without steps
    gives nothing. Needs the whole sequence; with 1 step ``GlobalAvgPool1d`` is the streaming form.

    Args:
        input_size: features per step, C or (F, C).
        steps: steps out of any sequence, N.

    Shape:
        x (B, T, C), y (B, N, C). The state is ().

    Raises:
        ConfigError: a size is below 1.
        StreamingError: a state is given.

    Source:
        ``torch.nn.AdaptiveAvgPool1d``. We divide each row by its own length.

    >>> lengths = torch.tensor([4, 2])
    >>> x = torch.tensor([[[1.0], [3.0], [5.0], [7.0]], [[1.0], [3.0], [0.0], [0.0]]])
    >>> y, _ = AdaptiveAvgPool1d(1, steps=2)(x, None, lengths)
    >>> y.squeeze(2)
    tensor([[2., 6.],
            [1., 3.]])
    """

    def whole(self, x: Tensor) -> Tensor:
        """torch's own."""
        return F.adaptive_avg_pool1d(x, self.steps_out)

    def parts(self, x: Tensor, inside: Tensor) -> Tensor:
        """Their means."""
        return torch.where(inside, x, 0.0).sum(2) / inside.sum(2).clamp(min=1)


class AdaptiveMaxPool1d(AdaptivePool):
    """The largest value of each of ``steps`` parts of a row, whatever its length.

    Args, parts and Shape as in ``AdaptiveAvgPool1d``.

    Raises:
        ConfigError: a size is below 1.
        StreamingError: a state is given.

    Source:
        ``torch.nn.AdaptiveMaxPool1d``. We divide each row by its own length.
    """

    def whole(self, x: Tensor) -> Tensor:
        """torch's own."""
        return F.adaptive_max_pool1d(x, self.steps_out)

    def parts(self, x: Tensor, inside: Tensor) -> Tensor:
        """Their maxima."""
        return torch.where(inside, x, -math.inf).max(2).values
