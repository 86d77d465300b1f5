"""The linear twin of a layer: the same wiring with linear parts, which cannot hide an input step.

A dead relu, a norm of two numbers, which is a sign, a maximum over small taps or rounding to a few codes hides a step
in nearly every draw of weights and inputs. Statistics of one-hot codes hide it in every draw: mean and variance of any
code are the same. What a transform and its inverse add up cancels but for one sample. A selection of features may leave
out those that look back furthest, or all that are more than padding. Without them a layer can only see more of what it
is wired to, never of what it is not.
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
    Select,
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


class Mixed(SequenceLayer):
    """Every feature, with weights of its own, where a selection takes some.

    Args:
        selection: the layer whose sizes it has.
    """

    def __init__(self, selection: Select) -> None:
        super().__init__()
        self.input_size, self.output_size = selection.input_size, selection.output_size
        shape = axes(selection.input_size)[-1], len(selection.indices)
        draws = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        self.weight = nn.Parameter(0.5 + draws)

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """In the dtype of x, or in that of the weights for codes."""
        x = x if x.is_floating_point() else x.to(self.weight.dtype)
        return x @ self.weight.to(x.dtype), ()


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
            elif isinstance(child, Select):
                parent._modules[name] = Mixed(child)
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
    return twin
