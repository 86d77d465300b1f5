"""Spectral masks: magnitudes of a spectrum for a network, and the mask that it returns applied to the spectrum.

Axes: B batch, T frames, F frequencies, C channels, L frames that a network looks ahead. The last axis of a frame holds
the real and the imaginary part of each channel in turn, 2 C numbers.
"""

import torch
from torch import Tensor

from ...core import SequenceLayer, Size, require_layers
from ...errors import ConfigError
from ..combining.chain import Chain
from ..combining.parallel import Parallel
from ..delay import Delay, waits_for
from ..options import finite, yes_or_no
from ..sizes import check_size, is_whole


class Magnitude(SequenceLayer):
    """y = |z|^power for every complex number z of a frame, or the logarithm of it.

    Args:
        input_size: (F, 2 C).
        power: 1 for magnitudes, 2 for energies; above 0.
        log: whether the natural logarithm is taken.
        floor: smaller magnitudes count as this one, and have no gradient; 0 is allowed where no logarithm is taken.

    Shape:
        x (B, T, F, 2 C), y (B, T, F, C). The state is ().

    Raises:
        ConfigError: input_size is not (F, 2 C), power is not above 0, or the floor is negative or has no logarithm.
    """

    def __init__(
        self, input_size: tuple[int, int], power: float = 1.0, log: bool = False, floor: float = 1e-8
    ) -> None:
        super().__init__()
        frequencies, channels = frame_size(input_size)
        finite(power=power, floor=floor)
        yes_or_no(log=log)
        if power <= 0:
            raise ConfigError(f"power must be above 0, got {power}: 1 gives magnitudes, 2 energies.")
        if floor < 0 or (log and floor == 0):
            allowed = "above 0, since 0 has no logarithm" if log else "0 or more"
            raise ConfigError(f"floor must be {allowed}, got {floor}.")
        self.input_size, self.output_size = input_size, (frequencies, channels)
        self.power, self.log, self.floor = power, log, floor

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Small numbers are left out before the root, which has no slope at 0."""
        real, imaginary = x[..., 0::2], x[..., 1::2]
        squares = real * real + imaginary * imaginary
        quiet = squares <= self.floor**2
        y = torch.where(quiet, 1.0, squares).pow(self.power / 2)
        y = torch.where(quiet, self.floor**self.power, y)
        return (y.log() if self.log else y), ()


class ApplyMask(Chain):
    """Frames times the mask that a network makes of them; frames wait where it looks ahead or comes in blocks.

    y[j, f, c] = m[j, f, c] z[j - L, f, c], m[j] = body(z)[j]. A mask of C numbers a frequency is real, and usually held
    within 0 and 1 by the last layer of the body; one of 2 C numbers is complex, and turns phases too.

    Args:
        body: from frames (F, 2 C) to masks (F, C) or (F, 2 C), one for each frame; it may stream, look ahead, and go
            down to a slower rate and up again, as a ``UNet`` does.

    Shape:
        x (B, T, F, 2 C), y (B, T, F, 2 C). The state is that of a chain of the two paths and their product.

    Raises:
        ConfigError: the body does not take (F, 2 C), does not give a mask, or gives another number of frames.

    Source:
        Wang & Chen 2018, Supervised speech separation based on deep learning: an overview, arXiv:1708.07524, section
        III (the masks; there they are targets); complex masks: Williamson et al. 2016, Complex ratio masking for
        monaural speech separation.

    >>> from ostinato.layers import ISTFT, STFT, Conv1d, Flatten, Pointwise, Unflatten
    >>> network = Chain(Conv1d(5, 5, 3, latency=1), Pointwise(torch.nn.Sigmoid()))
    >>> body = Chain(Magnitude((5, 2)), Flatten((5, 1)), network, Unflatten((5, 1)))
    >>> chain = Chain(STFT(1, window=8, hop=4), ApplyMask(body), ISTFT(1, window=8, hop=4))
    >>> chain.stride, chain.block, chain.latency
    (Fraction(1, 1), 4, 8)
    """

    def __init__(self, body: SequenceLayer) -> None:
        require_layers("a mask", body)
        size = body.input_size
        frequencies, channels = frame_size(size)
        if body.output_size not in ((frequencies, channels), size):
            raise ConfigError(
                f"the body of a mask gives {body.output_size} for frames of {size}. Let it end with "
                f"{(frequencies, channels)}, or with {size} for a complex mask."
            )
        if body.stride != 1:
            raise ConfigError(
                f"the body of a mask must give a mask for each frame, its stride is {body.stride}."
            )
        waits = waits_for(body) or [Delay((frequencies, 2 * channels), 0)]
        paths = Parallel(mask=body, frames=Chain(*waits) if len(waits) > 1 else waits[0])
        super().__init__(paths=paths, product=_Product(frequencies, channels, body.output_size == size))


class _Product(SequenceLayer):
    """Masks and frames side by side, multiplied."""

    def __init__(self, frequencies: int, channels: int, turns: bool) -> None:
        super().__init__()
        self.mask_size = channels * (2 if turns else 1)
        self.input_size = (frequencies, self.mask_size + 2 * channels)
        self.output_size = (frequencies, 2 * channels)
        self.turns = turns

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Real masks weigh both parts alike."""
        mask, frames = x[..., : self.mask_size], x[..., self.mask_size :]
        if not self.turns:
            return frames * mask.repeat_interleave(2, dim=-1), ()
        a, b, c, d = frames[..., 0::2], frames[..., 1::2], mask[..., 0::2], mask[..., 1::2]
        return torch.stack([a * c - b * d, a * d + b * c], dim=-1).flatten(-2), ()


def frame_size(size: Size | None) -> tuple[int, int]:
    """F and C of frames (F, 2 C).

    Raises:
        ConfigError: they are not such.
    """
    if not isinstance(size, tuple) or len(size) != 2 or not is_whole(size[1]) or size[1] % 2:
        raise ConfigError(
            f"frames must be (F, 2 C), frequencies by the real and imaginary part of each channel, got {size}. "
            "Pass the output_size of the STFT."
        )
    check_size(frames=size)
    return size[0], size[1] // 2
