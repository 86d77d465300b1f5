"""Windowed: applies a module to every window of fixed size, which makes an MLP or a CNN on windows stream.

Axes: B batch, T time steps, I input features, O output features, L window in steps, N windows.
"""

import torch
from torch import Tensor, nn

from ...core import SequenceLayer, valid_steps
from ...errors import ConfigError, ShapeError, shortened
from ..history import join_steps, keep_last
from ..sizes import at_least_one
from ..sliding import SlidingState


class Windowed(SequenceLayer):
    """Any module on the last ``length`` steps, at every step.

    Before ``length`` steps have been seen the window is filled on the left with zeros. Only windows that end
    at a valid step reach the module, in ``train()`` too, so its batch statistics never see padding.

    Args:
        module: maps (N, L, I) to (N, O).
        length: steps of the window, L.
        input_size: features per step, I.
        output_size: features of the output, O.

    Shape:
        x (B, T, I), y (B, T, O), state.history (B, L - 1, I).

    Raises:
        ConfigError: a size is below 1.
        ShapeError: the module does not take (N, L, I), or does not give (N, O).

    >>> mlp = nn.Sequential(nn.Flatten(), nn.Linear(4 * 3, 5))
    >>> y, state = Windowed(mlp, length=4, input_size=3, output_size=5)(torch.zeros(2, 7, 3))
    >>> tuple(y.shape), tuple(state.history.shape)
    ((2, 7, 5), (2, 3, 3))
    """

    input_size: int
    output_size: int

    def __init__(self, module: nn.Module, length: int, input_size: int, output_size: int) -> None:
        super().__init__()
        if not isinstance(module, nn.Module):
            raise ConfigError(f"module must be a torch.nn.Module, got {shortened(module)}.")
        at_least_one(length=length, input_size=input_size, output_size=output_size)
        self.module, self.length = module, length
        self.input_size, self.output_size = input_size, output_size
        self.receptive_field = length

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> SlidingState:
        """Zeros."""
        return SlidingState(torch.zeros(batch, self.length - 1, self.input_size, dtype=dtype, device=device))

    def run(self, x: Tensor, state: SlidingState, lengths: Tensor | None) -> tuple[Tensor, SlidingState]:
        """Unfold, let the module see the valid windows, put its answers back in their places."""
        buffer = join_steps(state.history, x)
        after = SlidingState(keep_last(buffer, self.length - 1, lengths))
        if x.shape[1] == 0:
            return x.new_zeros(x.shape[0], 0, self.output_size), after
        windows = buffer.unfold(1, self.length, 1)  # (B, T, I, L), a view
        if lengths is None:
            return self._answer(windows.flatten(0, 1)).view(*x.shape[:2], self.output_size), after
        mask = valid_steps(lengths, x.shape[1])
        answers = self._answer(windows[mask])
        y = answers.new_zeros(*x.shape[:2], self.output_size)
        return y.masked_scatter(mask[:, :, None], answers), after

    def last(self, x: Tensor) -> Tensor:
        """One window for each row instead of one for each step."""
        self._check_input(x)
        if x.shape[1] == 0:
            return super().last(x)  # which refuses it
        missing = self.length - x.shape[1]
        if missing > 0:
            x = torch.nn.functional.pad(x, (0, 0, missing, 0))
        return self._answer(x[:, x.shape[1] - self.length :].transpose(1, 2))

    def _answer(self, windows: Tensor) -> Tensor:
        """y (N, O) for ``windows`` (N, I, L)."""
        if len(windows) == 0:
            return windows.new_zeros(0, self.output_size)
        try:
            y: Tensor = self.module(windows.transpose(1, 2))
        except (torch.OutOfMemoryError, RecursionError, NotImplementedError):
            raise
        except RuntimeError as error:  # a kernel longer than the window, a matrix of other sizes
            first = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
            raise ShapeError(
                f"the module failed on windows (N, {self.length}, {self.input_size}): {first}. If it is its sizes, "
                "make them fit length and input_size."
            ) from error
        if not isinstance(y, Tensor) or y.shape != (len(windows), self.output_size):
            got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
            raise ShapeError(
                f"the module must give ({len(windows)}, {self.output_size}) for {len(windows)} windows of "
                f"{self.length} steps, got {got}."
            )
        return y
