"""The linear twin of a layer: the same wiring with linear parts, which cannot hide an input step.

A dead relu, a norm of two numbers, which is a sign, a maximum over small taps or rounding to a few codes hides a step
in nearly every draw of weights and inputs. Statistics of one-hot codes hide it in every draw: mean and variance of any
code are the same. What a transform and its inverse add up cancels but for one sample. A layer may take other features
of a step than those that look back furthest: by a selection, or as a condition. Without them a layer can only see more
of what it is wired to, never of what it is not.
"""

import copy

import torch
from torch import Tensor, nn

from ..core import SequenceLayer, Size, axes
from ..layers import (
    ISTFT,
    STFT,
    AvgPool1d,
    AvgPool2d,
    Chain,
    Embedding,
    GroupNorm,
    Identity,
    MaxPool1d,
    MaxPool2d,
    MuLawDecode,
    MuLawEncode,
    OneHot,
    ToNetwork,
)
from ..layers.embedding import Coded

RESHAPE = ("GLU", "MultiheadAttention")  # activations that give other features than they take
ACTIVATIONS = tuple(
    getattr(nn.modules.activation, name) for name in nn.modules.activation.__all__ if name not in RESHAPE
)
NORMS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)
MEANS: dict[type[nn.Module], type[nn.Module]] = {MaxPool1d: AvgPool1d, MaxPool2d: AvgPool2d}


class Scaled(SequenceLayer):
    """Each feature times a number of its own."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.input_size = self.output_size = size
        draws = torch.rand(axes(size), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.weight = nn.Parameter(0.5 + draws)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Nothing is remembered."""
        return x * self.weight, ()


class Blended(SequenceLayer):
    """Each feature and a part of the mean of all: none of a step is taken without the others."""

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Weights of the mean differ, or it would be 0 where a layer takes a mean off. Codes stay as they are."""
        if not x.is_floating_point():
            return x, ()
        shape = x.shape[2:]
        weights = 1 + 0.5 * torch.arange(shape.numel(), device=x.device).cos().to(x.dtype).view(shape)
        axes_of_step = tuple(range(2, x.dim()))
        return x + 0.5 * (weights * x).mean(axes_of_step, keepdim=True), ()


class Squashed(SequenceLayer):
    """Numbers of any size as their logarithms: a recurrence forgets at once what is small beside its input."""

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Odd, and steep nowhere."""
        return 0.1 * x.sign() * x.abs().log1p(), ()


class LinearCodes(Coded):
    """Each column of x times a vector of its own: what a code would give if it were a number like others.

    Args:
        codes: the layer whose columns, features, dtype and device it has.
    """

    def __init__(self, codes: Embedding | OneHot | MuLawDecode) -> None:
        super().__init__()
        self.input_size, self.output_size = codes.input_size, codes.output_size
        if isinstance(codes, MuLawDecode):
            columns, size, like = 1, 1, codes.anchor
        else:
            columns = int(codes.input_size)  # type: ignore[arg-type]
            size = int(codes.output_size) // columns  # type: ignore[arg-type]
            like = codes.anchor if isinstance(codes, OneHot) else codes.weight
        draws = torch.randn(columns, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.weight = nn.Parameter(draws.to(like))

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """That of the vectors."""
        return self.weight.dtype

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Scale the vectors; x need be no whole number."""
        return (x[..., None].to(self.weight.dtype) * self.weight).flatten(2), ()


def fill_windows(layer: SequenceLayer) -> SequenceLayer:
    """The layer itself, each 0 in the window of a transform replaced by a 1.

    The last frame that is owed may have nothing but such a 0 on x: a window of Hann begins with one.
    """
    for part in layer.modules():
        if isinstance(part, STFT):
            part.window.values[part.window.values == 0] = 1.0
    return layer


def linear_twin(layer: SequenceLayer) -> SequenceLayer:
    """A copy in which activations, roundings and the norms of a step pass on what comes, and windows take means."""
    twin = copy.deepcopy(layer)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (*ACTIVATIONS, *NORMS)):
                parent._modules[name] = nn.Identity()
            elif isinstance(child, MuLawEncode) or (isinstance(child, GroupNorm) and child.over == "step"):
                parent._modules[name] = Identity()
            elif isinstance(child, Embedding | OneHot | MuLawDecode):
                parent._modules[name] = LinearCodes(child)
            elif type(child) in MEANS:
                # all else of the two is the same: window, stride, padding
                child.__class__ = MEANS[type(child)]
            elif isinstance(child, ToNetwork):
                parent._modules[name] = Chain(child, Squashed())
            elif isinstance(child, ISTFT):
                # after a transform it gives back each sample from that sample alone, by what cancels
                parent._modules[name] = Chain(Scaled(child.input_size), child)  # type: ignore[arg-type]
            # with next to nothing below the root, the norm of two numbers over time or in a cell is a sign, too
            if isinstance(getattr(child, "eps", None), float):
                child.eps = 1.0  # type: ignore[assignment]
    for chain in [part for part in twin.modules() if isinstance(part, Chain)]:
        _blend(chain)
    return twin


def _blend(chain: Chain) -> None:
    """Mix the features of each step between the layers of a chain that runs them one after the other."""
    if type(chain).run is not Chain.run:
        return
    for name, child in list(chain.named_children())[:-1]:
        if isinstance(child, SequenceLayer):
            chain._modules[name] = Chain(child, Blended())
