"""Embedding and one-hot encoding of integer codes.

Axes: B batch, T time steps, K columns of codes, E features of one code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core import SequenceLayer, class_name
from ..errors import ConfigError, ContractError, shortened
from .sizes import at_least_one, is_whole


class Coded(SequenceLayer):
    """A layer on codes: integers, or floating point numbers that hold them, where NaN is a code that is missing.

    Raises:
        ContractError: a code is no whole number within 0 and ``codes`` - 1. While torch compiles or exports, nothing
            is looked at.
    """

    takes_codes = True
    codes: int

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Look at the codes, then decode them."""
        self._refuse_others(x)
        return self.decode(x), ()

    def decode(self, x: Tensor) -> Tensor:
        """y for codes that are sound, or NaN."""
        raise NotImplementedError(f"{type(self).__name__} does not define decode().")

    def _check_dtype(self, x: Tensor) -> None:
        """Codes need not be of the dtype of the weights."""

    def _refuse_others(self, x: Tensor) -> None:
        if torch.compiler.is_compiling() or not x.numel():
            return
        wrong = (x < 0) | (x >= self.codes)
        if x.is_floating_point():
            wrong |= (x != x.floor()) & ~x.isnan()
        if not bool(wrong.any()):
            return
        position = wrong.nonzero()[0].tolist()
        row, step, column = position[:3]
        raise ContractError(
            f"x holds {x[tuple(position)].item()} in row {row}, step {step}, column {column}, and codes of this "
            f"{class_name(self)} are the whole numbers 0 to {self.codes - 1}. Pass such codes, or make it for more."
        )


class Embedding(Coded):
    """A learnt vector for each code: y[t] holds weight[x[t, k]] for k = 0 to K - 1, side by side.

    Args:
        codes: how many codes there are, 0 to codes - 1.
        size: features of one code, E.
        columns: codes per step, K; they share the vectors.
        padding_idx: a code whose vector begins at 0 and is not learnt. Padding by ``lengths`` needs none.

    Shape:
        x (B, T, K) of integers or of floating point numbers, y (B, T, K E) of the dtype of the weights, NaN where x is
        NaN. The state is ().

    Raises:
        ConfigError: a size is below 1, or padding_idx is no code.
        ContractError: x holds something else than codes.

    Source:
        ``torch.nn.Embedding``, whose parameter and beginning it has. Its gradient is dense.

    >>> y, _ = Embedding(codes=10, size=4, columns=2)(torch.tensor([[[0, 3], [9, 3]]]))
    >>> tuple(y.shape), bool((y[0, 0, 4:] == y[0, 1, 4:]).all())
    ((1, 2, 8), True)
    """

    def __init__(self, codes: int, size: int, columns: int = 1, padding_idx: int | None = None) -> None:
        super().__init__()
        at_least_one(codes=codes, size=size, columns=columns)
        if padding_idx is not None and not (is_whole(padding_idx) and 0 <= padding_idx < codes):
            raise ConfigError(f"padding_idx must be a code, 0 to {codes - 1}, got {shortened(padding_idx)}.")
        self.input_size, self.output_size = columns, columns * size
        self.codes, self.padding_idx = codes, padding_idx
        self.weight = nn.Embedding(codes, size, padding_idx).weight

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """That of the weights."""
        return self.weight.dtype

    def decode(self, x: Tensor) -> Tensor:
        """Look the vectors up."""
        if not x.is_floating_point():
            return F.embedding(x.long(), self.weight, self.padding_idx).flatten(2)
        missing = x.isnan()
        y = F.embedding(torch.where(missing, 0, x).long(), self.weight, self.padding_idx)
        return torch.where(missing[..., None], torch.nan, y).flatten(2)


class OneHot(Coded):
    """A 1 at the index of the code and 0 elsewhere, for each of K codes side by side.

    Args:
        codes: how many codes there are.
        columns: codes per step, K.

    Shape:
        x (B, T, K) of integers or of floating point numbers, y (B, T, K codes) of the dtype that ``.float()`` and
        ``.double()`` set, NaN where x is NaN. The state is ().

    Raises:
        ConfigError: a size is below 1.
        ContractError: x holds something else than codes.

    Source:
        ``torch.nn.functional.one_hot``.
    """

    anchor: Tensor

    def __init__(self, codes: int, columns: int = 1) -> None:
        super().__init__()
        at_least_one(codes=codes, columns=columns)
        self.input_size, self.output_size, self.codes = columns, columns * codes, codes
        self.register_buffer("anchor", torch.empty(0), persistent=False)  # follows .to()

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """The network's."""
        return self.anchor.dtype

    def decode(self, x: Tensor) -> Tensor:
        """Compare with every code."""
        hit = x[..., None] == torch.arange(self.codes, device=x.device)
        y = hit.to(self.anchor.dtype)
        return torch.where(x.isnan()[..., None], torch.nan, y).flatten(2)
