"""Promise 2: padding has no effect, and rows are independent of each other."""

import torch
from torch import Tensor

from ..core import take_rows, valid_steps
from ..errors import CheckError
from .compare import TOLERANCE, finite, same, same_state
from .subject import BATCH, STEPS, Subject, gradients, weigh


def padding_is_nothing(subject: Subject) -> None:
    """NaN and huge numbers as padding change neither outputs nor state nor any gradient; y is zero there."""
    layer, clean, lengths = subject.layer, subject.x(), subject.ragged()
    padded = ~valid_steps(lengths, STEPS)
    everywhere = padded.view(*padded.shape, *[1] * (clean.dim() - 2))
    for mode in subject.modes():
        expected, end, slopes = _run(subject, clean, lengths)
        beyond = ~valid_steps(layer.out_lengths(lengths), expected.shape[1])
        if bool((expected[beyond] != 0).any()):
            raise CheckError(f"y is not zero on padded steps, in {mode}.")
        for value in (float("nan"), 1e30):
            where = f"with {value} as padding, in {mode}"
            x = torch.where(everywhere, value, clean)
            y, state, found = _run(subject, x, lengths)
            finite("y", y, where)
            same("y", y, expected, where)
            same_state(state, end, where)
            for place, (a, b) in enumerate(zip(found, slopes, strict=True)):
                name = "x" if place == 0 else f"parameter {place - 1}"
                same(f"the gradient of {name}", a, b, where)
            if bool((found[0][padded] != 0).any()):
                raise CheckError(f"the gradient of padded steps is not zero, {where}.")


def rows_are_alone(subject: Subject) -> None:
    """A row of a batch equals that row trimmed and alone, whatever its neighbours hold, NaN included."""
    layer, x, lengths = subject.layer, subject.x(), subject.ragged()
    for mode in subject.modes():
        y, _ = layer(x, None, lengths)
        for row, length in enumerate(lengths.tolist()):
            alone, _ = layer(x[row : row + 1, :length])
            batched = y[row : row + 1, : alone.shape[1]]
            # a row may be nothing but rounding, such as the norm over a single step
            rounding = TOLERANCE[torch.float64] * y.norm().item()
            same("y", batched, alone, f"row {row} of a batch against alone, in {mode}", rounding=rounding)
        _check_neighbours(subject, x, mode)


def state_stops_at_length(subject: Subject) -> None:
    """The state of a row is that of its valid steps: it neither runs on nor is taken from another place."""
    layer, x, lengths = subject.layer, subject.x(), subject.ragged()
    for mode in subject.modes():
        _, end = layer(x, None, lengths)
        for row, length in enumerate(lengths.tolist()):
            _, alone = layer(x[row : row + 1, :length])
            where = f"row {row} with {length} of {STEPS} steps, in {mode}"
            same_state(take_rows(end, [row]), alone, where, rounding=subject.state_rounding)
        _check_no_steps(subject, end)


def _check_no_steps(subject: Subject, state: object) -> None:
    """Rows without a step hand on the very state they were given, each its own."""
    nothing = subject.lengths([0] * BATCH)
    _, after = subject.layer(subject.x(variant=1), state, nothing)
    same_state(after, state, "after a chunk in which no row has a step")
    some = subject.lengths([0, 0, 2, 0, 3])
    _, after = subject.layer(subject.x(variant=1), state, some)
    idle = [0, 1, 3]
    same_state(
        take_rows(after, idle), take_rows(state, idle), "for rows without a step beside rows with some"
    )


def _check_neighbours(subject: Subject, x: Tensor, mode: str) -> None:
    spoilt = x.clone()
    spoilt[1::2] = float("nan")
    clean = slice(0, BATCH, 2)
    expected, end = subject.layer(x)
    y, state = subject.layer(spoilt)
    same("y", y[clean], expected[clean], f"beside rows of NaN, in {mode}")
    where = f"beside rows of NaN, in {mode}"
    same_state(take_rows(state, clean), take_rows(end, clean), where, rounding=subject.state_rounding)


def _run(subject: Subject, x: Tensor, lengths: Tensor) -> tuple[Tensor, object, list[Tensor]]:
    x = x.clone().requires_grad_()
    y, state = subject.layer(x, None, lengths)
    return y, state, gradients(weigh(y, state), [x, *subject.parameters()])
