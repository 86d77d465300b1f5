"""Flatten and Unflatten: between features (F * C), for dense and recurrent layers, and (F, C), for convolutions.

Axes: B batch, T time steps, F frequencies, C channels.
"""

from torch import Tensor

from ..core import SequenceLayer
from .convolution.kernel2d import frequencies_and_channels


class Flatten(SequenceLayer):
    """Frequencies and channels in one axis of features: feature f C + c is channel c of frequency f.

    A contiguous x, and what convolutions make of it, is not copied; x in channel-first memory is.

    Args:
        input_size: frequencies and channels of a step, (F, C).

    Shape:
        x (B, T, F, C), y (B, T, F C). The state is ().

    Raises:
        ConfigError: the size is no pair, or a number is below 1.

    Source:
        ``torch.nn.Flatten``, whose order is channels first, as torch has its axes: feature c F + f.
    """

    def __init__(self, input_size: tuple[int, int]) -> None:
        super().__init__()
        frequencies, channels = frequencies_and_channels(input_size)
        self.input_size, self.output_size = input_size, frequencies * channels

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """A view where memory allows."""
        return x.flatten(2), ()


class Unflatten(SequenceLayer):
    """Features as frequencies and channels: what ``Flatten`` made one axis. Nothing is copied.

    Unflatten((F, 1)) makes a spectrogram (B, T, F) an image of one channel.

    Args:
        output_size: frequencies and channels of a step, (F, C).

    Shape:
        x (B, T, F C), y (B, T, F, C). The state is ().

    Raises:
        ConfigError: the size is no pair, or a number is below 1.

    Source:
        ``torch.nn.Unflatten``, in the order of ``Flatten``.
    """

    output_size: tuple[int, int]

    def __init__(self, output_size: tuple[int, int]) -> None:
        super().__init__()
        frequencies, channels = frequencies_and_channels(output_size, "output_size")
        self.input_size, self.output_size = frequencies * channels, output_size

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """A view."""
        return x.unflatten(2, self.output_size), ()
