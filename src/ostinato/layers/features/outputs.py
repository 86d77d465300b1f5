"""Output distributions: what the numbers of a network mean for each forecast quantity, and how they are anchored.

Axes: B batch, T time steps, N rows, J quantities (column by horizon), P numbers of a distribution, Q quantile levels.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...errors import ConfigError, DataError, ShapeError
from ..options import number, yes_or_no
from ..sizes import at_least_one, sequence

WIDEST = 3.0  # a network may stretch or shrink a distribution e^3 times, no more
# of the spread, the least from the first quantile to the last: those of a label that repeats itself would coincide
NARROWEST = 1e-3
NARROW = 0.1  # of the spread: what is narrower may be stretched as far as this could be


class Output(nn.Module):
    """Numbers (..., J * inputs) and centres (..., J) to distributions (..., J, P), in units of a running scale.

    A network that gives 0 stands for the distribution of the labels it was fitted on: ``fit`` takes that from the
    training rows, so training begins at the strongest constant answer.
    """

    inputs: int  # numbers that the network gives for each quantity
    numbers: int  # P
    base: Tensor

    def __init__(self, quantities: int) -> None:
        super().__init__()
        at_least_one(quantities=quantities)
        self.quantities = quantities

    @property
    def learnt_size(self) -> int:
        """Numbers that a network learns to give: ``inputs`` for each quantity."""
        return self.quantities * self.inputs

    @property
    def input_size(self) -> int:
        """Those, and then a centre for each quantity, by which its distribution is moved."""
        return self.learnt_size + self.quantities

    def fit(self, z: Tensor) -> "Output":
        """Take the base from labels z (N, J), in units of the running scale; NaN where there is none.

        Raises:
            ShapeError: z is no tensor of a column for each quantity.
            DataError: a quantity has no label.
        """
        if not isinstance(z, Tensor) or z.dim() != 2 or z.shape[1] != self.quantities:
            found = tuple(z.shape) if isinstance(z, Tensor) else type(z).__name__
            raise ShapeError(
                f"fit wants labels (rows, {self.quantities}), a column for each quantity, got {found}."
            )
        rows = z.detach().double()
        known = rows.isfinite()
        if not bool(known.any(dim=0).all()):
            quantity = int((~known.any(dim=0)).nonzero()[0])
            raise DataError(f"quantity {quantity} has no label among the rows to be fitted on.")
        self.take(torch.where(known, rows, torch.nan))
        return self

    def take(self, z: Tensor) -> None:
        """Fill the buffers for labels z (N, J) float64, NaN where there is none."""
        self.base.copy_(self.found(z))

    def sound(self) -> bool:
        """Whether the buffers are those of distributions: a file from outside can hold any numbers."""
        return bool(self.base.isfinite().all() and (self.base[:, 1] > 0).all())  # centre, spread

    def found(self, z: Tensor) -> Tensor:
        """The base for labels z (N, J) float64, NaN where there is none."""
        raise NotImplementedError(f"{type(self).__name__} does not define found().")

    def standard(self, numbers: Tensor) -> Tensor:
        """Distributions (..., J, P) in units of the running scale. Centres that are left out are 0."""
        learnt, centre = numbers[..., : self.learnt_size], numbers[..., self.learnt_size :]
        grouped = learnt.unflatten(-1, (self.quantities, self.inputs))
        standard = self.shaped(grouped, self.base.to(numbers.dtype))
        return self.moved(standard, centre) if centre.shape[-1] else standard

    def moved(self, standard: Tensor, centre: Tensor) -> Tensor:
        """Distributions (..., J, P) moved by centres (..., J)."""
        return standard + centre[..., None]

    def shaped(self, numbers: Tensor, base: Tensor) -> Tensor:
        """Numbers (..., J, inputs) applied to the base."""
        raise NotImplementedError(f"{type(self).__name__} does not define shaped().")

    def placed(self, standard: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """Distributions (..., J, P) in the unit of the labels; location and scale are (..., J)."""
        return location[..., None] + scale[..., None] * standard


class Point(Output):
    """One number: the mean, if it is trained by squared error."""

    inputs = numbers = 1

    def __init__(self, quantities: int) -> None:
        super().__init__(quantities)
        self.register_buffer("base", torch.tensor([[0.0, 1.0]]).repeat(quantities, 1))  # centre, spread

    def found(self, z: Tensor) -> Tensor:
        """Mean and standard deviation."""
        return torch.stack([z.nanmean(dim=0), _deviation(z)], dim=-1)

    def shaped(self, numbers: Tensor, base: Tensor) -> Tensor:
        """The mean moved by spreads."""
        return base[:, :1] + base[:, 1:] * numbers


class Quantiles(Output):
    """Quantiles that never cross: the middle one, and positive steps outward from it.

    The network moves the middle by spreads: the distance from the first to the last quantile of the labels, or their
    standard deviation where that is more. Labels of which most are the same have quantiles that coincide, and still
    they have a spread. Steps of the base are at least a small share of it, since what is 0 cannot be stretched, and
    small ones may be stretched until they are as wide as others.

    Args:
        quantities: J.
        levels: of the quantiles, ascending within 0 and 1; Q.
        free: whether the network gives each step (Q numbers a quantity), or moves and stretches the base as a whole
            (2 numbers a quantity), which is steadier where there are many horizons and little data.

    Raises:
        ConfigError: the levels are not ascending within 0 and 1.
    """

    spread: Tensor  # (J,)

    def __init__(self, quantities: int, levels: Sequence[float], free: bool = False) -> None:
        super().__init__(quantities)
        check_levels(levels)
        yes_or_no(free=free)
        self.levels, self.free = tuple(levels), free
        self.numbers = len(self.levels)
        self.inputs = self.numbers if free else 2
        self.middle = min(range(self.numbers), key=lambda index: abs(self.levels[index] - 0.5))
        self.register_buffer("base", torch.tensor(self.levels).repeat(quantities, 1) - 0.5)  # (J, Q)
        self.register_buffer("spread", torch.ones(quantities))

    def sound(self) -> bool:
        """Whether the quantiles ascend and can be moved."""
        finite = self.base.isfinite().all() and self.spread.isfinite().all()
        return bool(finite and (self.base.diff(dim=-1) >= 0).all() and (self.spread > 0).all())

    def take(self, z: Tensor) -> None:
        """The quantiles of the labels, their steps widened where they are next to nothing, and the spread."""
        base = self.found(z)
        spread = torch.maximum(base[:, -1] - base[:, 0], _deviation(z))
        least = NARROWEST * spread[:, None] / max(self.numbers - 1, 1)
        self.base.copy_(self._outward(base[:, self.middle, None], base.diff(dim=-1).clamp(min=least)))
        self.spread.copy_(spread)

    def found(self, z: Tensor) -> Tensor:
        """The quantiles of the labels."""
        columns = [column[column.isfinite()] for column in z.T]
        return torch.stack([_quantiles(column, z.new_tensor(self.levels)) for column in columns])

    def shaped(self, numbers: Tensor, base: Tensor) -> Tensor:
        """Move the middle, stretch the steps."""
        middle = base[:, self.middle]
        centre = (middle + self.spread.to(base.dtype) * numbers[..., 0])[..., None]
        steps = base.diff(dim=-1)
        if self.free:
            return self._outward(centre, steps * self._stretch(numbers[..., 1:], steps, self.numbers - 1))
        whole = steps.sum(-1, keepdim=True)
        return centre + self._stretch(numbers[..., 1:], whole, 1) * (base - middle[:, None])

    def _stretch(self, numbers: Tensor, widths: Tensor, parts: int) -> Tensor:
        """How many times widths (J, ...), each the share of one of ``parts`` in the whole, become wider."""
        return _limited(numbers, self.most(widths, parts)).exp()

    def most(self, widths: Tensor, parts: int) -> Tensor:
        """The logarithm of how many times they may become wider."""
        usual = self.spread.to(widths.dtype)[:, None] / max(parts, 1)
        narrow = NARROW * usual / torch.maximum(widths, NARROWEST * usual)
        return WIDEST + narrow.clamp(min=1).log()

    def _outward(self, centre: Tensor, steps: Tensor) -> Tensor:
        """Quantiles (..., Q) from the middle one (..., 1) and the steps between neighbours (..., Q - 1)."""
        up = steps[..., self.middle :].cumsum(-1)
        down = steps[..., : self.middle].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([centre - down, centre, centre + up], dim=-1)


class StudentT(Output):
    """Location, scale and degrees of freedom of Student's t: tails as heavy as the data has them.

    Source:
        Salinas et al. 2020, DeepAR, arXiv:1704.04110, section 3.1 has a network give the parameters of a likelihood.
    """

    inputs = numbers = 3
    FREEDOM = 4.0  # degrees, where the network gives 0; at least 2.1, so that there is a variance

    def __init__(self, quantities: int) -> None:
        super().__init__(quantities)
        self.register_buffer("base", torch.tensor([[0.0, 1.0]]).repeat(quantities, 1))

    def found(self, z: Tensor) -> Tensor:
        """Median, and the scale that gives Student's t with 4 degrees the quartiles of the labels.

        Where the quartiles (nearly) coincide, the standard deviation stands in.
        """
        quartiles = z.nanquantile(z.new_tensor([0.25, 0.5, 0.75]), dim=0)
        scale, deviation = (quartiles[2] - quartiles[0]) / (2 * 0.7407), _deviation(z)  # its upper quartile
        return torch.stack(
            [quartiles[1], torch.where(scale > NARROWEST * deviation, scale, deviation)], dim=-1
        )

    def shaped(self, numbers: Tensor, base: Tensor) -> Tensor:
        """(..., J, 3): location, scale, degrees of freedom."""
        location = base[:, 0] + base[:, 1] * numbers[..., 0]
        scale = base[:, 1] * _limited(numbers[..., 1]).exp()
        offset = math.log(math.expm1(self.FREEDOM - 2.1))  # the inverse of softplus
        freedom = 2.1 + nn.functional.softplus(numbers[..., 2] + offset)
        return torch.stack([location, scale, freedom], dim=-1)

    def moved(self, standard: Tensor, centre: Tensor) -> Tensor:
        """The location alone."""
        return torch.cat([standard[..., :1] + centre[..., None], standard[..., 1:]], dim=-1)

    def placed(self, standard: Tensor, location: Tensor, scale: Tensor) -> Tensor:
        """Degrees of freedom have no unit."""
        centre, width, freedom = standard.unbind(-1)
        return torch.stack([location + scale * centre, scale * width, freedom], dim=-1)


def check_levels(levels: Sequence[float]) -> None:
    """Refuse what are no levels of quantiles.

    Raises:
        ConfigError: they are not ascending within 0 and 1, or there are none.
    """
    for level in sequence("levels", levels, "numbers"):
        number(level=level)
    ascending = all(low < high for low, high in zip(levels, list(levels)[1:], strict=False))
    if not levels or not ascending or not 0 < levels[0] <= levels[-1] < 1:
        raise ConfigError(f"levels of quantiles must ascend within 0 and 1, got {tuple(levels)}.")


def _limited(numbers: Tensor, most: Tensor | float = WIDEST) -> Tensor:
    return most * (numbers / most).tanh()


def _deviation(z: Tensor) -> Tensor:
    """Standard deviations (J,) of z (N, J), NaN left out; 1 where all that differs is rounding."""
    centre = z.nanmean(dim=0)
    found = (z - centre).square().nanmean(dim=0).sqrt()
    return torch.where(found > 1e-12 * centre.abs(), found, 1.0)


def _quantiles(column: Tensor, levels: Tensor) -> Tensor:
    """Linear between order statistics; torch.quantile refuses more than 2^24 numbers."""
    ordered = column.sort().values
    position = levels * (len(ordered) - 1)
    below = position.floor().long()
    above = (below + 1).clamp(max=len(ordered) - 1)
    return torch.lerp(ordered[below], ordered[above], position - below)
