"""Normalisation of each step by itself.

Axes: B batch, T time steps, F frequencies, C features or channels.
"""

import math

from torch import nn

from ...core import Size, axes
from ...errors import ConfigError
from ..options import not_negative, one_of
from ..pointwise import Pointwise
from ..sizes import check_size


class LayerNorm(Pointwise):
    """Each step normalised by the mean and variance of its own features.

    Args:
        input_size: features per step, C or (F, C).
        eps: added to the variance.
        over: of (F, C), 'step' takes the statistics over all of a step and has a weight and a bias for each of its
            numbers; 'channels' takes them over the channels of each frequency, and has a weight and a bias for each
            channel. For C alone the two are one.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike.

    Raises:
        ConfigError: a size is below 1, ``over`` is neither, or there is a single number to normalise.

    Source:
        Ba et al. 2016, arXiv:1607.06450, section 3, equation 3; ``torch.nn.LayerNorm``.
    """

    def __init__(self, input_size: Size, eps: float = 1e-5, over: str = "step") -> None:
        shape = _normalised(input_size, over, eps)
        if math.prod(shape) == 1:
            raise ConfigError(
                f"a layer norm over a single number is always 0, whatever the input: input_size is {input_size!r}, "
                f"over {over!r}. Use a BatchNorm or a CumulativeLayerNorm, or more features."
            )
        super().__init__(nn.LayerNorm(shape, eps=eps))
        self.input_size = self.output_size = input_size


class RMSNorm(Pointwise):
    """Each step divided by the root mean square of its own features, their mean left as it is.

    Args:
        input_size, eps, over: as in ``LayerNorm``; there is a weight and no bias. ``eps`` is added to the mean square.

    Shape:
        x (B, T, C) or (B, T, F, C), y alike.

    Raises:
        ConfigError: a size is below 1, or ``over`` is neither 'step' nor 'channels'.

    Source:
        Zhang & Sennrich 2019, arXiv:1910.07467, section 3, equation 4; ``torch.nn.RMSNorm``.
    """

    def __init__(self, input_size: Size, eps: float = 1e-5, over: str = "step") -> None:
        shape = _normalised(input_size, over, eps)
        super().__init__(nn.RMSNorm(shape, eps=eps))
        self.input_size = self.output_size = input_size


def _normalised(input_size: Size, over: str, eps: float) -> tuple[int, ...]:
    """The axes that statistics are taken over."""
    check_size(input_size=input_size)
    not_negative(eps=eps)
    one_of("over", over, ("step", "channels"))
    return axes(input_size) if over == "step" else axes(input_size)[-1:]
