"""Mu-law: samples as codes on a logarithmic scale, which is fine where a signal is quiet, and back.

Axes: B batch, T time steps, C channels.
"""

import math

import torch
from torch import Tensor

from ...core import SequenceLayer
from ...errors import ConfigError
from ..embedding import Coded
from ..sizes import at_least_one


class MuLawEncode(SequenceLayer):
    """The nearest of ``classes`` levels that are evenly spaced on the scale f.

    f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu), mu = classes - 1; y = floor((f(x) + 1) mu / 2 + 1/2). Samples beyond -1
    and 1 count as -1 and 1. -1 is code 0, silence is code classes / 2 (128 of 256) and 1 is code classes - 1. The
    levels that ``MuLawDecode`` gives lie at most half a step away on the scale f, so that |x - x'| is at most
    ((1 + mu)^(1 / mu) - 1) (|x| + 1 / mu), which is 2.2 % of the sample and 0.00009 for silence if there are 256.

    Args:
        input_size: channels, C; None accepts any number.
        classes: how many codes there are, 2 or more.

    Shape:
        x (B, T, C), y (B, T, C) of the same dtype, whole numbers, NaN where x is NaN. The state is (). There is no
        gradient: it would be 0 nearly everywhere.

    Raises:
        ConfigError: a size is below 1, or there are fewer than 2 classes.

    Source:
        van den Oord et al. 2016, WaveNet, arXiv:1609.03499, section 2.2, with the continuous formula of ITU-T G.711.
        They do not say how f becomes a code: ours is the nearest level, as in most programs. An even number of levels
        from -1 to 1 has none at 0, so silence comes back as the level above it.

    >>> samples = torch.tensor([-1.0, 0.0, 0.01, 1.0]).view(1, 4, 1)
    >>> MuLawEncode(1)(samples)[0].flatten().tolist()
    [0.0, 128.0, 157.0, 255.0]
    """

    def __init__(self, input_size: int | None = None, classes: int = 256) -> None:
        super().__init__()
        _check(input_size, classes)
        self.input_size = self.output_size = input_size
        self.classes = classes

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Clip, bend, round half up: half to even would give silence another code for other numbers of classes."""
        mu = self.classes - 1
        x = x.detach().clamp(-1, 1)
        bent = x.sign() * (mu * x.abs()).log1p() / math.log1p(mu)
        return ((bent + 1) * (mu / 2) + 0.5).floor(), ()


class MuLawDecode(Coded):
    """The sample that a code of ``MuLawEncode`` stands for: x = sign(f) ((1 + mu)^|f| - 1) / mu, f = 2 code / mu - 1.

    Args:
        input_size: channels, C; None accepts any number.
        classes: how many codes there are, 2 or more.

    Shape:
        x (B, T, C) of integers or of floating point numbers, y (B, T, C) of the same floating point dtype, or of the
        one that ``.float()`` and ``.double()`` set; NaN where x is NaN. The state is ().

    Raises:
        ConfigError: a size is below 1, or there are fewer than 2 classes.
        ContractError: x holds something else than codes.

    Source:
        As ``MuLawEncode``.
    """

    anchor: Tensor

    def __init__(self, input_size: int | None = None, classes: int = 256) -> None:
        super().__init__()
        _check(input_size, classes)
        self.input_size = self.output_size = input_size
        self.codes = classes
        self.register_buffer("anchor", torch.empty(0), persistent=False)  # follows .to()

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """That of x, or of the network for integers."""
        return dtype if dtype is None or dtype.is_floating_point else self.anchor.dtype

    def decode(self, x: Tensor) -> Tensor:
        """Undo the formula."""
        mu = self.codes - 1
        bent = x.to(self.output_dtype(x.dtype)) * (2 / mu) - 1
        return bent.sign() * (bent.abs() * math.log1p(mu)).expm1() / mu


def _check(input_size: int | None, classes: int) -> None:
    at_least_one(classes=classes, input_size=1 if input_size is None else input_size)
    if classes < 2:
        raise ConfigError(f"classes must be at least 2, got {classes}: one code says nothing.")
