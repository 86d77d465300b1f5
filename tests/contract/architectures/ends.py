"""``tail`` and ``last`` are the end of the whole, in numbers and in gradients."""

import copy

import torch
from torch import Tensor

from contract.architectures.subject import Examined, FaultError, same
from ostinato.errors import ShapeError


def tails(subject: Examined) -> None:
    """``tail(x, n)`` is the last n outputs, for few steps and many."""
    layer, random = subject.layer, subject.random(3)
    for steps in (
        0,
        random.randint(1, 2),
        random.randint(3, 8),
        subject.steps,
        subject.steps + random.randint(1, 5),
    ):
        x = subject.x(steps, 2)
        y, _ = layer(x)
        for count in {random.choice([1, 1, 2]), random.choice([3, 7]), max(steps, 1)}:
            same("tail", layer.tail(x, count), y[:, -count:], f"of {count} of {steps} steps")


def tails_in_training(subject: Examined) -> None:
    """With the statistics of the batch too, which are those of all steps."""
    if subject.takes_chances:
        return
    layer, x = copy.deepcopy(subject.layer).train(), subject.x(subject.steps)
    y, _ = layer(x)
    same("tail", layer.tail(x, 2), y[:, -2:], f"of 2 of {subject.steps} steps in train()")


def lasts(subject: Examined) -> None:
    """``last(x)`` is the last output, or a sentence where there is none."""
    layer = subject.layer
    for steps in (0, subject.random(4).randint(1, 7), subject.steps):
        x = subject.x(steps, 2)
        y, _ = layer(x)
        if y.shape[1]:
            same("last", layer.last(x), y[:, -1], f"of {steps} steps")
            continue
        try:
            found = layer.last(x)
        except ShapeError:
            continue
        raise FaultError(f"last of {steps} steps, which give no output, is {tuple(found.shape)}")


def tails_learn(subject: Examined) -> None:
    """Gradients of ``tail`` are those of the end of the whole."""
    layer, count = subject.layer, subject.random(5).randint(1, 4)
    x = subject.x(subject.steps).requires_grad_(True)
    leaves = [x, *(parameter for parameter in layer.parameters() if parameter.requires_grad)]
    whole, tail = layer(x)[0][:, -count:], layer.tail(x, count)
    weights = torch.randn(whole.shape, generator=torch.Generator().manual_seed(1), dtype=whole.dtype)
    expected, found = _slopes(whole, weights, leaves), _slopes(tail, weights, leaves)
    size = max((slope.abs().max().item() for slope in expected if slope.numel()), default=0.0)
    for place, (slope, other) in enumerate(zip(expected, found, strict=True)):
        if torch.allclose(other, slope, rtol=1e-8, atol=1e-9 * max(size, 1e-3)):
            continue
        # prices and times are large, and a softmax of them is the same for nearly all: what is left is rounding
        if (other - slope).norm() > 64 * (
            _slopes_of_rounded(subject, x, count, weights)[place] - slope
        ).norm():
            name = "x" if place == 0 else f"parameter {place - 1}"
            raise FaultError(f"the gradient of {name} differs for tail of {count} of {subject.steps} steps")


def _slopes_of_rounded(subject: Examined, x: Tensor, count: int, weights: Tensor) -> list[Tensor]:
    """The gradients of the end of the whole where x is rounded otherwise; those of x itself where it has codes."""
    rounded = x.detach()
    if not subject.layer.takes_codes:
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        rounded = rounded * (1 + torch.finfo(torch.float64).eps * noise)
    rounded.requires_grad_(True)
    parameters = [parameter for parameter in subject.layer.parameters() if parameter.requires_grad]
    return _slopes(subject.layer(rounded)[0][:, -count:], weights, [rounded, *parameters])


def _slopes(y: Tensor, weights: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    if not y.requires_grad or y.numel() == 0:
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad((y * weights).sum(), leaves, allow_unused=True)
    return [
        torch.zeros_like(leaf) if slope is None else slope for slope, leaf in zip(found, leaves, strict=True)
    ]
