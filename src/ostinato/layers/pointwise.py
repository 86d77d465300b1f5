"""Layers that look at one step at a time.

Axes: B batch, T time steps, F frequencies, I input features, O output features.
"""

from torch import Tensor, nn

from ..core import SequenceLayer, Size, axes, class_name
from ..errors import ConfigError, ShapeError, shortened
from .options import yes_or_no
from .sizes import check_size


class Pointwise(SequenceLayer):
    """Any module that maps each step on its own: an activation, dropout, ``nn.Linear``.

    Args:
        module: maps (B, T, I) to (B, T, O) without mixing steps.
        input_size, output_size: I and O, or (F, I) and (F, O); None where any number goes in and the same comes out.

    Shape:
        x (B, T, I), y (B, T, O), or (B, T, F, I) and (B, T, F, O). The state is ().

    Raises:
        ConfigError: a size is below 1, or the module is none.
        ShapeError: the module gives other steps or features than these.
    """

    def __init__(
        self, module: nn.Module, input_size: Size | None = None, output_size: Size | None = None
    ) -> None:
        super().__init__()
        if not isinstance(module, nn.Module):
            raise ConfigError(f"module must be a torch.nn.Module, got {shortened(module)}.")
        for name, size in (("input_size", input_size), ("output_size", output_size)):
            if size is not None:
                check_size(**{name: size})
        self.module = module
        self.input_size, self.output_size = input_size, output_size

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Apply the module."""
        y = self.module(x)
        self._check_given(x, y)
        return y, ()

    def _check_given(self, x: Tensor, y: object) -> None:
        """Refuse what is not one step for each, of the size that is declared."""
        size = x.shape[2:] if self.output_size is None else axes(self.output_size)
        if isinstance(y, Tensor) and y.shape[:2] == x.shape[:2] and y.shape[2:] == size:
            return
        found = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise ShapeError(
            f"the module of {class_name(self)} must give {(*x.shape[:2], *size)} for x {tuple(x.shape)}, got {found}: "
            "each step on its own, and as many features as output_size says, or as came in without one."
        )


class Dense(Pointwise):
    """y = W x + b at every step, and at every frequency where there are some.

    Args:
        input_size: features per step, I, or frequencies and channels, (F, I): the last axis is mapped.
        output_size: features of the output, O; with frequencies they stay, and (F, O) says the same.
        bias: whether b is added.

    Shape:
        x (B, T, I), y (B, T, O), or (B, T, F, I) and (B, T, F, O).

    Raises:
        ConfigError: a size is below 1, or output_size has other frequencies.

    Source:
        ``torch.nn.Linear``.
    """

    def __init__(self, input_size: Size, output_size: Size, bias: bool = True) -> None:
        check_size(input_size=input_size, output_size=output_size)
        yes_or_no(bias=bias)
        *others, features = axes(input_size)
        *same, outputs = axes(output_size)
        if same and same != others:
            raise ConfigError(
                f"Dense maps the last axis: of {input_size} it cannot make {output_size}. Pass output_size={outputs}, "
                "or flatten the axes before."
            )
        super().__init__(
            nn.Linear(features, outputs, bias), input_size, (*others, outputs) if others else outputs
        )
