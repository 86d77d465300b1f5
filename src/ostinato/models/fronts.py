"""Fronts: layers from raw data to the features of a body. Each declares both (``input_size``, ``output_size``).

    values        numbers as they are           (B, T, I) to (B, T, I)
    codes         whole numbers                 (B, T, K) to (B, T, K E)
    wave          samples of sound              (B, T, C) to (B, T / S, H)
    spectrogram   samples, as bands of pitch    (B, T, C) to (B, T / S, M C)
    frames        frequencies and channels      (B, T, F, C) to (B, T, H)

Raw columns of forecasts have a front of their own, features that learn nothing (``tasks/forecasting/features.py``).

Axes: B batch, T time steps, K codes of a step, E features of a code, S samples of a block, H features, M bands.
"""

from torch import Tensor, nn

from ..core import SequenceLayer
from ..layers import STFT, Chain, Conv1d, Dense, Embedding, Flatten, Magnitude, MelFilter, Pointwise

QUIET = 1e-5  # added to the energy of a band before its logarithm: a sound is never quieter


def values(size: int) -> SequenceLayer:
    """Numbers as they are, I = ``size`` for each step."""
    return Pointwise(nn.Identity(), size, size)


def codes(count: int, size: int, columns: int = 1) -> SequenceLayer:
    """A learnt vector of E = ``size`` for each of ``count`` codes, K = ``columns`` of them side by side."""
    return Embedding(count, size, columns)


def wave(size: int, kernel_size: int, stride: int, channels: int = 1) -> SequenceLayer:
    """Learnt filters over samples: H = ``size`` features for each block of S = ``stride`` samples.

    Source:
        van den Oord et al. 2018, arXiv:1807.03748, section 3.1: strided convolutions on the waveform.
    """
    return Chain(filters=Conv1d(channels, size, kernel_size, stride=stride), activation=Pointwise(nn.ReLU()))


def spectrogram(window: int, hop: int, bands: int, sample_rate: float, channels: int = 1) -> SequenceLayer:
    """The logarithm of the energy in M = ``bands`` of pitch, for each block of S = ``hop`` samples.

    Source:
        Davis & Mermelstein 1980, IEEE Transactions on Acoustics, Speech and Signal Processing 28, without cosines.
    """
    spectrum = STFT(channels, window, hop, latency=0)
    energy = Magnitude(spectrum.output_size, power=2.0)  # type: ignore[arg-type]
    mel = MelFilter(energy.output_size, bands, sample_rate, window=window)  # type: ignore[arg-type]
    return Chain(
        spectrum=spectrum, energy=energy, mel=mel, log=Pointwise(Logarithm()), flat=Flatten((bands, channels))
    )


def frames(size: tuple[int, int], features: int) -> SequenceLayer:
    """Steps of frequencies and channels, ``size`` (F, C), each mapped to H = ``features``."""
    return Chain(flat=Flatten(size), map=Dense(size[0] * size[1], features))


class Logarithm(nn.Module):
    """ln(x + ``QUIET``)."""

    def forward(self, x: Tensor) -> Tensor:
        """Element by element."""
        return (x + QUIET).log()
