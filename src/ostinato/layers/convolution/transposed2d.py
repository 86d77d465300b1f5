"""Transposed convolution over time and frequency: from fewer steps and frequencies to more.

Pairs are (time, frequency). Axes: B batch, T time steps, F frequencies, C channels in, O channels out, K kernel size,
S stride, D dilation.
"""

import math

from torch import Tensor, nn

from ...errors import ConfigError
from ...ops.convolution import convolve_transposed
from ..options import yes_or_no
from ..overlapping import Overlapping
from .kernel2d import Padding, Pair, check_groups, frequencies_and_channels, margins, pair
from .kernels import own_weights


class ConvTranspose2d(Overlapping):
    """Each step and frequency is spread by the kernel over St steps and Sf frequencies for each one, and summed.

    Causal in time: step t is complete in outputs St t to St t + St - 1, and what it adds to later ones is owed. In
    frequency it undoes the sizes of a ``Conv2d`` of the same kernel, stride and padding, so that an encoder and a
    decoder of them end where they began; with padding='same' exactly, otherwise by ``output_padding``.

    Parameters are named, shaped and initialised as in ``torch.nn.ConvTranspose2d``; weights load both ways.

    Args:
        input_size: frequencies and channels of a step, (F, C).
        out_channels: channels of the output, O.
        kernel_size: steps and frequencies that each one is spread over, (Kt, Kf), or one number for both.
        stride: steps and frequencies out for each one in, (St, Sf). St must not be longer than the kernel.
        dilation: distance between the steps and frequencies spread to; in time it has no divisor in common with St.
        groups: parts into which channels are split.
        bias: whether a bias is added.
        padding: frequencies cut off below and above, as ``Conv2d`` added them; 'valid' is 0; 'same' gives F Sf.
        output_padding: frequencies more at the top, less than Sf or Df, for an F that the stride does not divide.
        latency: steps in by which the output lags, as in ``ConvTranspose1d``.
        weight_norm: as in ``ConvTranspose1d``.

    Shape:
        x (B, T, F, C), y (B, St T, F', O), F' = (F - 1) Sf - 2 p + (Kf - 1) Df + 1 + output_padding.
        state.owed (B, (Kt - 1) Dt + 1 - St, F', O).

    Raises:
        ConfigError: a size is below 1, groups do not divide both channel counts, a step between would see no input,
            or padding leaves no frequency; weight_norm with groups.

    Source:
        Dumoulin & Visin 2016, A guide to convolution arithmetic, arXiv:1603.07285, chapter 4;
        ``torch.nn.ConvTranspose2d``, of whose outputs the last Kt - St steps come with the next steps or never.

    >>> import torch
    >>> layer = ConvTranspose2d((16, 8), 3, kernel_size=4, stride=2, padding=1)
    >>> y, state = layer(torch.zeros(2, 5, 16, 8))
    >>> tuple(y.shape), tuple(state.owed.shape)
    ((2, 10, 32, 3), (2, 2, 32, 3))
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        input_size: tuple[int, int],
        out_channels: int,
        kernel_size: Pair,
        *,
        stride: Pair = 1,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding: Padding = 0,
        output_padding: int = 0,
        latency: int = 0,
        weight_norm: bool = False,
    ) -> None:
        frequencies, channels = frequencies_and_channels(input_size)
        check_groups(groups, channels, out_channels)
        yes_or_no(bias=bias, weight_norm=weight_norm)
        size, strides = pair("kernel_size", kernel_size), pair("stride", stride)
        apart = pair("dilation", dilation)
        _check_steps(size[0], strides[0], apart[0])
        span, across = ((count - 1) * gap + 1 for count, gap in zip(size, apart, strict=True))
        whole = (frequencies - 1) * strides[1] + across
        cut, more = _edges(padding, output_padding, across, strides[1], apart[1])
        outputs = frequencies * strides[1] if padding == "same" else whole - 2 * cut + more
        if outputs < 1:
            raise ConfigError(f"padding {padding!r} leaves none of the {whole} frequencies. Make it smaller.")
        taps = range(-cut, across - cut, apart[1])
        if not any(0 <= one * strides[1] + tap < outputs for one in range(frequencies) for tap in taps):
            raise ConfigError(
                f"padding {padding!r} cuts off all that the {frequencies} frequencies in reach. Make it smaller."
            )
        super().__init__(input_size, (outputs, out_channels), span, strides[0])
        self.strides, self.dilation, self.groups = strides, apart, groups
        self.cut, self.more, self.frequencies = cut, more, outputs
        self._touches(range(0, span, apart[0]))
        self._set_latency(latency)
        if weight_norm and groups > 1:
            raise ConfigError(
                f"weight_norm has one magnitude for each output, and takes no groups, got {groups}."
            )
        like = nn.ConvTranspose2d(channels, out_channels, size, groups=groups, bias=bias)
        own_weights(self, like, weight_norm, dim=1)

    def spread(self, x: Tensor) -> Tensor:
        """One call of torch's, without the bias: that is added once, where sums are complete."""
        first = x.movedim(-1, 1)
        y = convolve_transposed(
            first,
            self.weight,
            stride=self.strides,
            padding=(0, self.cut),
            dilation=self.dilation,
            groups=self.groups,
            extra=(0, self.more),
        )
        return y[..., : self.frequencies].movedim(1, -1)

    def finish(self, total: Tensor) -> Tensor:
        """The bias."""
        return total if self.bias is None else total + self.bias


def _check_steps(kernel: int, stride: int, dilation: int) -> None:
    """Refuse a kernel that leaves out steps between."""
    if kernel < stride:
        raise ConfigError(
            f"kernel_size must be at least the stride in time, {stride}, got {kernel}: no input would reach the other "
            "steps."
        )
    if math.gcd(stride, dilation) > 1:
        raise ConfigError(
            f"dilation {dilation} and stride {stride} in time have a divisor in common, so that no input reaches the "
            "steps between. Change one of them."
        )


def _edges(padding: Padding, output_padding: int, across: int, stride: int, dilation: int) -> tuple[int, int]:
    """Frequencies to cut off on each side, and to add at the top."""
    before, _ = margins(padding, across)
    room = 0 if padding == "same" else max(stride, dilation) - 1
    whole = isinstance(output_padding, int) and not isinstance(output_padding, bool)
    if not whole or not 0 <= output_padding <= room:
        reason = (
            "padding='same' says how many come out" if padding == "same" else "less than stride or dilation"
        )
        raise ConfigError(f"output_padding must be 0 to {room}, {reason}, got {output_padding!r}.")
    return before, max(0, stride - across + 2 * before) if padding == "same" else output_padding
