"""The linear recurrent unit: a diagonal complex matrix that stays within the unit circle.

Complex numbers are kept as pairs of real ones, in parameters and in the state: then ``.double()`` widens them, and any
file can hold them.

Axes: B batch, T time steps, I input features, O output features, H features of the complex state.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError
from ...ops import scan
from ..options import finite, yes_or_no
from ..sizes import at_least_one
from .base import LinearRecurrent, at_lengths


class LRUState(NamedTuple):
    """What an LRU remembers: the two parts of a complex state."""

    real: Tensor  # (B, H)
    imaginary: Tensor  # (B, H)


class LRUTrace(NamedTuple):
    """What an LRU computes on the way: its state, in two parts."""

    real: Tensor
    imaginary: Tensor


class LRU(LinearRecurrent):
    """Linear recurrent unit.

        h = a * h + gamma * (B x),   a = exp(-exp(nu) + i exp(theta)),   gamma = sqrt(1 - |a|^2) at first
        y = Re(C h) + D x

    Args:
        input_size: features per step, I.
        hidden_size: features of the complex state, H.
        output_size: features of the output, O; None is as many as in.
        r_min, r_max: |a| begins between them, even over the ring that they make.
        max_phase: the phase of a begins between 0 and this.
        skip: whether D x is added: D * x, one number for each feature, where O is I; else D is a matrix.

    Shape:
        x (B, T, I), y (B, T, O), state.real and state.imaginary (B, H). ``weight_in`` (H, 2, I) is B, ``weight_out``
        (O, H, 2) is C, real parts first; ``log_decay`` (H,) is nu, ``log_phase`` theta, ``log_gain`` log gamma.

    Raises:
        ConfigError: a size is below 1, r_min and r_max are no ring in the unit circle, or the phase is not positive.

    Source:
        Orvieto et al. 2023, arXiv:2303.06349, sections 3.3 and 3.4 and appendix A. The matrix D where the numbers of
        features differ, and O itself, are as in its equation 1.

    >>> y, state = LRU(3, 5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.real.shape)
    ((2, 7, 3), (2, 5))
    """

    weight_skip: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int | None = None,
        *,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        skip: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = input_size if output_size is None else output_size
        at_least_one(output_size=self.output_size)
        finite(r_min=r_min, r_max=r_max, max_phase=max_phase)
        yes_or_no(skip=skip)
        _check_ring(r_min, r_max, max_phase)
        # 1 - u lies above 0 and may be 1: no logarithm of 0 below, where r_min is 0 or r_max 1
        squared = r_min**2 + (r_max**2 - r_min**2) * (1 - torch.rand(hidden_size))
        squared = squared.clamp(max=1 - torch.finfo(squared.dtype).eps)
        self.log_decay = nn.Parameter(torch.log(-0.5 * torch.log(squared)))
        self.log_phase = nn.Parameter(torch.log(max_phase * (1 - torch.rand(hidden_size))))
        self.log_gain = nn.Parameter(0.5 * torch.log1p(-squared))
        self.weight_in = nn.Parameter(torch.randn(hidden_size, 2, input_size) / math.sqrt(2 * input_size))
        self.weight_out = nn.Parameter(torch.randn(self.output_size, hidden_size, 2) / math.sqrt(hidden_size))
        equal = self.output_size == input_size
        shape = (input_size,) if equal else (self.output_size, input_size)
        d = torch.randn(shape) if equal else torch.randn(shape) / math.sqrt(input_size)
        self.register_parameter("weight_skip", nn.Parameter(d) if skip else None)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> LRUState:
        """Zeros."""
        return LRUState(self.zeros(batch, dtype, device), self.zeros(batch, dtype, device))

    def steps(
        self, x: Tensor, state: LRUState, lengths: Tensor | None, trace: bool = False
    ) -> tuple[Tensor, LRUState, LRUTrace | None]:
        """A product, a scan, a product; parts side by side are complex numbers already."""
        driven = F.linear(x, (self.log_gain.exp()[:, None, None] * self.weight_in).flatten(0, 1))
        driven = driven.unflatten(2, (self.hidden_size, 2))
        h = self._one_step(driven, state) if x.shape[1] == 1 else self._all_steps(driven, state)
        # Re(C h) is the real parts' product less that of the imaginary ones
        back = torch.stack([self.weight_out[..., 0], -self.weight_out[..., 1]], dim=-1)
        y = F.linear(h.flatten(2), back.flatten(1))
        if self.weight_skip is not None:
            y = y + (self.weight_skip * x if self.weight_skip.dim() == 1 else F.linear(x, self.weight_skip))
        real, imaginary = h.unbind(3)
        after = LRUState(
            at_lengths(real, state.real, lengths), at_lengths(imaginary, state.imaginary, lengths)
        )
        return y, after, LRUTrace(real, imaginary) if trace else None

    def _eigenvalues(self) -> tuple[Tensor, Tensor]:
        """|a| and the phase of a, (H,) each."""
        return torch.exp(-self.log_decay.exp()), self.log_phase.exp()

    def _all_steps(self, driven: Tensor, state: LRUState) -> Tensor:
        """(B, T, H, 2) from as many; complex numbers are at least those of single precision."""
        wide = torch.promote_types(state.real.dtype, torch.float32)
        size, phase, real, imaginary = (part.to(wide) for part in (*self._eigenvalues(), *state))
        value = torch.view_as_complex(driven.to(wide))
        h = scan.linear(torch.polar(size, phase), value, torch.complex(real, imaginary))
        return torch.view_as_real(h).to(state.real.dtype)

    def _one_step(self, driven: Tensor, state: LRUState) -> Tensor:
        """The same in real numbers, which compilers of a live step know better."""
        size, phase = self._eigenvalues()
        real, imaginary = size * phase.cos(), size * phase.sin()
        turned = torch.stack(
            [
                real * state.real - imaginary * state.imaginary,
                real * state.imaginary + imaginary * state.real,
            ],
            dim=-1,
        )
        return driven + turned[:, None]


def _check_ring(r_min: float, r_max: float, max_phase: float) -> None:
    if not 0 <= r_min <= r_max <= 1 or r_max == 0:
        raise ConfigError(
            f"r_min and r_max must be a ring within the unit circle, 0 <= r_min <= r_max <= 1 and r_max above 0, got "
            f"{r_min!r} and {r_max!r}."
        )
    if max_phase <= 0:
        raise ConfigError(
            f"max_phase must be above 0 and finite, 2 pi for all directions, got {max_phase!r}."
        )
