"""Promise 4: receptive field, latency and stride are what perturbing the input measures."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..core import SequenceLayer, axes, newest
from ..errors import CheckError
from .compare import TOLERANCE
from .subject import BATCH, STEPS, Subject

DRAWS = 64  # at most: a maximum over many steps hides each of them most of the time
STIRRED = 16  # draws with the same weights


def receptive_field_is_measured(subject: Subject) -> None:
    """The oldest step that changes an output lies exactly as far back as declared."""
    layer = subject.layer
    if math.isinf(layer.receptive_field):
        _measure_without_limit(subject)
        return
    if layer.streams:
        _measure_outputs(subject)
        return
    measured = _measured_when_whole(subject)
    if measured != layer.receptive_field:
        raise CheckError(f"receptive_field is declared {layer.receptive_field:g} steps, measured {measured}.")


def _measure_without_limit(subject: Subject) -> None:
    """The last output hears the first step; one that runs from the end, the first output the last step."""
    layer = subject.layer
    steps = max(STEPS, layer.block)
    end = max(math.ceil(layer.stride), layer.block)  # a stride may leave steps out
    places = [-1] if layer.steps_out is None else range(layer.steps_out)  # together they hear every step
    felt = {step for place in places for step in _felt_steps(subject, steps, place, _all_heard)}
    if min(felt, default=steps) < end:
        return
    if layer.streams or max(_felt_steps(subject, steps, 0, _all_heard), default=0) < steps - end:
        raise CheckError(f"receptive_field is inf, but the output after {steps} steps ignores the first.")


def _measure_outputs(subject: Subject) -> None:
    """Each output of the last block: they may see differently far, and the widest is the receptive field."""
    layer = subject.layer
    steps = subject.some_steps()
    steps -= steps % layer.block
    count, inside = int(steps / layer.stride), int(layer.block / layer.stride)
    widest = 0
    for place in range(count - inside, count):
        last = newest(place, layer.stride)
        oldest = layer.oldest(place)
        declared = int(last - oldest + 1)
        felt = _felt_steps(subject, steps, place, partial(_reaches, oldest))
        measured = last - min(felt, default=last + 1) + 1
        widest = max(widest, measured)
        if measured != declared:
            raise CheckError(
                f"receptive_field is declared {declared} steps at output {place}, measured {measured}."
            )
    if widest != layer.receptive_field:
        raise CheckError(f"receptive_field is declared {layer.receptive_field:g} steps, measured {widest}.")


def _measured_when_whole(subject: Subject) -> int:
    layer = subject.layer
    steps = (2 * int(layer.receptive_field) + 1) * math.ceil(layer.stride)
    place = _said(layer, steps) // 2  # the output in the middle, which no end cuts short
    felt = _felt_steps(subject, steps, place, lambda felt: _span(felt) >= layer.receptive_field)
    return _span(felt)


def latency_is_measured(subject: Subject) -> None:
    """flush gives what latency steps more would give, and the last of it still hears x."""
    layer = subject.layer
    steps = math.ceil(subject.some_steps() / layer.block) * layer.block  # whole blocks
    for more in (1, 0):
        owed = _flushed(subject, subject.x(steps + more)).shape[1]
        given, due = _said(layer, steps + more), _said(layer, steps + more + layer.latency)
        low, high = due - given, due - given
        if _goes_up(layer):  # of a block that is not complete, nothing need have gone up
            low = _said(layer, steps + layer.latency) - given
            high = math.floor((steps + more + layer.latency) / layer.stride) - given
        if not low <= owed <= high:
            wanted = f"{high}" if low == high else f"{low} to {high}"
            raise CheckError(
                f"latency is declared {layer.latency} steps: after {steps + more} steps flush should give {wanted} "
                f"outputs, it gives {owed}."
            )
    if owed and not any(_end_hears(subject, steps, variant) for variant in range(DRAWS)):
        raise CheckError(
            f"latency is declared {layer.latency} steps, but the end of flush ignores the input."
        )


def stride_is_measured(subject: Subject) -> None:
    """T steps give floor(T / stride) outputs of output_size, in whole blocks, and out_lengths says so."""
    layer = subject.layer
    for steps in range(3 * max(math.ceil(layer.stride), layer.block) + 2):
        x = subject.x(steps)
        y, _ = layer(x)
        _check_features(layer, x, y)
        said = layer.out_lengths(torch.full((BATCH,), steps))
        if layer.steps_out is not None:
            low = high = layer.steps_out if steps >= layer.stride else 0
        else:
            low, high = (
                math.floor(steps // layer.block * layer.block / layer.stride),
                math.floor(steps / layer.stride),
            )
        if layer.block == layer.stride.numerator and 1 in layer.stride.as_integer_ratio():
            low = high  # 3 to 2 may be one at a time or two at once
        if not low <= y.shape[1] <= high or said.tolist() != [y.shape[1]] * BATCH:
            wanted = f"{high}" if low == high else f"{low} to {high}"
            raise CheckError(
                f"stride is declared {layer.stride}: {steps} steps should give {wanted} outputs, they give "
                f"{y.shape[1]} and out_lengths says {said[0].item()}."
            )


def _check_features(layer: SequenceLayer, x: Tensor, y: Tensor) -> None:
    size = x.shape[2:] if layer.output_size is None else axes(layer.output_size)
    if y.shape[2:] != size or y.dtype != layer.output_dtype(x.dtype):
        raise CheckError(
            f"outputs are declared to be {tuple(size)} of {layer.output_dtype(x.dtype)}, they are "
            f"{tuple(y.shape[2:])} of {y.dtype}."
        )


def _goes_up(layer: SequenceLayer) -> bool:
    """Whether it gives, or something in it, several steps at once: for one step, or for a block of them."""
    parts = [part for part in layer.modules() if isinstance(part, SequenceLayer)]
    return any(part.stride.denominator > 1 or part.block > part.stride.numerator for part in parts)


def _said(layer: SequenceLayer, steps: int) -> int:
    return int(layer.out_lengths(torch.tensor([steps])))


def _reaches(oldest: float, felt: set[int]) -> bool:
    return min(felt) <= oldest


def _span(felt: set[int]) -> int:
    return max(felt) - min(felt) + 1


def _all_heard(felt: set[int]) -> bool:
    return _span(felt) >= STEPS


def _felt_steps(subject: Subject, steps: int, place: int, enough: Callable[[set[int]], bool]) -> set[int]:
    """Input steps that change the output at ``place``, in as many draws as it takes to have ``enough`` of them."""
    felt: set[int] = set()
    for variant in range(DRAWS):
        if variant and variant % STIRRED == 0:
            _stir(subject.layer, variant)
        x, other = subject.x(steps, variant=variant), subject.x(steps, variant=variant + DRAWS)
        # all perturbations of one draw in one batch: row s has step s exchanged
        rows = x[:1].repeat(steps, *[1] * (x.dim() - 1))
        everywhere = torch.arange(steps, device=x.device)
        rows[everywhere, everywhere] = other[0]
        y, _ = subject.layer(rows)
        plain, _ = subject.layer(x[:1])
        changed = _differs(y[:, place], plain[:, place]).flatten(1).any(dim=1)
        felt |= set(changed.nonzero()[:, 0].tolist())
        if felt and enough(felt):
            break
    return felt


def _stir(layer: SequenceLayer, seed: int) -> None:
    """Other weights in the private copy: with these a relu may be dead, or a tap 0, on the only way of a step."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_((0.1 + parameter.std(correction=0)) * noise.to(parameter))


def _differs(y: Tensor, plain: Tensor) -> Tensor:
    """By more than rounding: a matrix product may round each row of a batch in another way."""
    scale = plain.detach().nan_to_num(0.0, 0.0, 0.0).norm().item()
    return ~torch.isclose(y, plain, rtol=0.0, atol=TOLERANCE[torch.float64] * scale)


def _end_hears(subject: Subject, steps: int, variant: int) -> bool:
    x, other = subject.x(steps, variant=variant), subject.x(steps, variant=variant + DRAWS)
    return bool((_flushed(subject, x)[:, -1] != _flushed(subject, other)[:, -1]).any())


def _flushed(subject: Subject, x: Tensor) -> Tensor:
    return subject.layer.flush(subject.layer(x)[1])
