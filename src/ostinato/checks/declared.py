"""Promise 4: receptive field, latency and stride are what perturbing the input measures."""

import math

import torch
from torch import Tensor

from ..errors import CheckError
from .compare import TOLERANCE
from .subject import BATCH, STEPS, Subject

DRAWS = 64  # at most: a maximum over many steps hides each of them most of the time


def receptive_field_is_measured(subject: Subject) -> None:
    """The oldest step that changes an output lies exactly as far back as declared."""
    layer = subject.layer
    if math.isinf(layer.receptive_field):
        steps = max(STEPS, math.ceil(layer.stride))
        if min(_felt_steps(subject, steps, -1, STEPS)) >= layer.stride:  # a stride may leave steps out
            raise CheckError(f"receptive_field is inf, but the output after {steps} steps ignores the first.")
        return
    steps = subject.some_steps() if layer.streams else 2 * int(layer.receptive_field) + 1
    if layer.streams:
        place = math.floor(steps / layer.stride) - 1
        newest = math.ceil((place + 1) * layer.stride) - 1
    else:
        place, newest = steps // 2, -1
    felt = _felt_steps(subject, steps, place, int(layer.receptive_field))
    newest = newest if layer.streams else max(felt)
    measured = newest - min(felt) + 1
    if measured != layer.receptive_field:
        raise CheckError(f"receptive_field is declared {layer.receptive_field:g} steps, measured {measured}.")


def latency_is_measured(subject: Subject) -> None:
    """flush gives what latency steps more would give, and the last of it still hears x."""
    layer = subject.layer
    steps = math.ceil(subject.some_steps() / layer.stride) * layer.stride.numerator  # whole blocks
    for more in (1, 0):
        owed = _flushed(subject, subject.x(steps + more)).shape[1]
        due = (steps + more + layer.latency) // layer.stride - (steps + more) // layer.stride
        if owed != due:
            raise CheckError(
                f"latency is declared {layer.latency} steps: after {steps + more} steps flush should give {due} "
                f"outputs, it gives {owed}."
            )
    if owed and not any(_end_hears(subject, steps, variant) for variant in range(DRAWS)):
        raise CheckError(
            f"latency is declared {layer.latency} steps, but the end of flush ignores the input."
        )


def stride_is_measured(subject: Subject) -> None:
    """T steps give floor(T / stride) outputs, and out_lengths says so."""
    layer = subject.layer
    for steps in range(3 * math.ceil(layer.stride) + 2):
        y, _ = layer(subject.x(steps))
        expected = math.floor(steps / layer.stride)
        said = layer.out_lengths(torch.full((BATCH,), steps))
        if y.shape[1] != expected or said.tolist() != [expected] * BATCH:
            raise CheckError(
                f"stride is declared {layer.stride}: {steps} steps should give {expected} outputs, they give "
                f"{y.shape[1]} and out_lengths says {said[0].item()}."
            )


def _felt_steps(subject: Subject, steps: int, place: int, enough: int = 0) -> set[int]:
    """Input steps that change the output at ``place``, in as many draws as show ``enough`` of them."""
    felt: set[int] = set()
    for variant in range(DRAWS):
        x, other = subject.x(steps, variant=variant), subject.x(steps, variant=variant + DRAWS)
        # all perturbations of one draw in one batch: row s has step s exchanged
        rows = x[:1].repeat(steps, 1, 1)
        everywhere = torch.arange(steps)
        rows[everywhere, everywhere] = other[0]
        y, _ = subject.layer(rows)
        plain, _ = subject.layer(x[:1])
        changed = _differs(y[:, place], plain[:, place]).flatten(1).any(dim=1)
        felt |= set(changed.nonzero()[:, 0].tolist())
        if felt and max(felt) - min(felt) + 1 >= enough > 0:
            break
    if not felt:
        raise CheckError(f"no step of {steps} changes the output at {place}.")
    return felt


def _differs(y: Tensor, plain: Tensor) -> Tensor:
    """By more than rounding: a matrix product may round each row of a batch in another way."""
    scale = plain.detach().nan_to_num(0.0, 0.0, 0.0).norm().item()
    return ~torch.isclose(y, plain, rtol=0.0, atol=TOLERANCE[torch.float64] * scale)


def _end_hears(subject: Subject, steps: int, variant: int) -> bool:
    x, other = subject.x(steps, variant=variant), subject.x(steps, variant=variant + DRAWS)
    return bool((_flushed(subject, x)[:, -1] != _flushed(subject, other)[:, -1]).any())


def _flushed(subject: Subject, x: Tensor) -> Tensor:
    return subject.layer.flush(subject.layer(x)[1])
