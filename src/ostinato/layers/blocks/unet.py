"""U-Net: down to slower rates and up again, with skip connections across.

Axes: B batch, T time steps, I input features, O output features, K kernel size, S factor between two rates.
"""

from collections.abc import Sequence
from itertools import pairwise

from ...core import SequenceLayer, class_name, require_layers
from ...errors import ConfigError
from ..combining.chain import Chain
from ..combining.parallel import Parallel
from ..convolution import ConvTranspose1d
from ..delay import Delay, waits_for
from ..pooling import MaxPool1d
from ..sizes import at_least_one, whole_numbers
from .conv import ConvBlock
from .parts import Activation, Norm


class SkipConnection(Parallel):
    """y = [x, body(x)], side by side along the features; x waits where the body looks ahead or comes in blocks.

        x -+-----------> wait -+-> y
           '-> body -----------'

    Args:
        body: any layer that gives as many steps as it takes, at last: it may go down to a slower rate and up again.

    Shape:
        x (B, T, I), y (B, T', I + O), O of the body. The state is a tuple of what waits and the body's.

    Raises:
        ConfigError: the body does not say its sizes, or gives fewer or more steps than it takes.

    Source:
        Ronneberger et al. 2015, arXiv:1505.04597, figure 1: the grey arrows.
    """

    def __init__(self, body: SequenceLayer) -> None:
        require_layers("a skip connection", body)
        size = body.input_size
        if size is None:
            raise ConfigError(
                f"{class_name(body)} does not say its input_size, so nothing can wait for it. Name it."
            )
        if body.stride != 1 or body.steps_out is not None:
            raise ConfigError(
                f"the body gives {_pace(body)}, a skip connection joins as many as came in.{_remedy(body)}"
            )
        waits = waits_for(body) or [Delay(size, 0)]
        super().__init__(skip=Chain(*waits) if len(waits) > 1 else waits[0], body=body)


def _pace(body: SequenceLayer) -> str:
    if body.steps_out is not None:
        return f"{body.steps_out} steps for any sequence"
    return (
        f"a step for each {body.stride} steps"
        if body.stride > 1
        else f"{1 / body.stride} steps for each step"
    )


def _remedy(body: SequenceLayer) -> str:
    """What brings the body back to the old rate."""
    if body.steps_out is not None or 1 not in body.stride.as_integer_ratio():
        return ""
    if body.stride > 1:
        return " Bring it back to the old rate, for example by a ConvTranspose1d."
    return f" Bring it back to the old rate, for example by a Conv1d or a pool of stride {1 / body.stride}."


class UNet(Chain):
    """Convolutions at ever slower rates, then back, each rate hearing what it was on the way down.

        x -> convolve ------------------ skip ------------------> + -> convolve -> y
                '-> maximum of S -> (the same, deeper) -> up by S '

    Outputs come in blocks of S ** (levels - 1) steps, when the slowest rate has one: within a block y looks ahead,
    across blocks it does not.

    Args:
        input_size: features per step, I.
        channels: features at each rate, from the fastest on; O is the first.
        kernel_size: steps of every convolution, K.
        factor: between two rates, S.
        convolutions: how many there are on each side of every rate.
        norm, activation, dropout: as in ``ConvBlock``, for each convolution.

    Shape:
        x (B, T, I), y (B, T // block * block, O). The state is a tuple of the layers' states.

    Raises:
        ConfigError: a size is below 1, there are no channels, or a norm, an activation or a rate is not one.

    Source:
        Ronneberger et al. 2015, arXiv:1505.04597, figure 1, along time and causal; Stoller et al. 2018, Wave-U-Net,
        arXiv:1806.03185. Nothing is cropped: the skip waits for the path that it is joined to.

    >>> net = UNet(3, channels=(4, 8, 16))
    >>> net.stride, net.block, net.output_size
    (Fraction(1, 1), 4, 4)
    """

    def __init__(
        self,
        input_size: int,
        channels: Sequence[int] = (16, 32, 64),
        kernel_size: int = 3,
        *,
        factor: int = 2,
        convolutions: int = 2,
        norm: Norm = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
    ) -> None:
        if not isinstance(channels, Sequence) or not channels:
            raise ConfigError(
                f"channels must be at least one number, such as (16, 32, 64), got {channels!r}."
            )
        for size in whole_numbers("channels", channels):
            at_least_one(channels=size)
        at_least_one(input_size=input_size, factor=factor, convolutions=convolutions)

        def convolve(before: int, after: int) -> Chain:
            sizes = [before, *[after] * convolutions]
            return Chain(
                *(
                    ConvBlock(a, b, kernel_size, norm=norm, activation=activation, dropout=dropout)
                    for a, b in pairwise(sizes)
                )
            )

        def level(before: int, size: int, *deeper: int) -> dict[str, SequenceLayer]:
            if not deeper:
                return {"convolve": convolve(before, size)}
            body = Chain(
                down=MaxPool1d(size, factor),
                inside=Chain(**level(size, *deeper)),
                up=ConvTranspose1d(deeper[0], size, factor, stride=factor),
            )
            return {
                "before": convolve(before, size),
                "across": SkipConnection(body),
                "after": convolve(2 * size, size),
            }

        super().__init__(**level(input_size, *channels))
