"""Promise 4: declared receptive field, latency and stride equal those measured by perturbing the input."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ..core import SequenceLayer, axes, newest
from ..errors import CheckError
from .compare import TOLERANCE
from .linear_twin import fill_windows, linear_twin
from .subject import BATCH, STEPS, Subject

DRAWS = 64  # at most: a maximum over many steps hides each of them most of the time
OWN_WEIGHTS = 16  # draws of the layer as it is, then of its linear twin
# Of x in one batch of perturbations: their number grows with the square of the steps.
MOST_NUMBERS = 2_000_000
REDRAW_EVERY = 4  # draws of the twin between two draws of its weights, in case one of its own is 0


def receptive_field_is_measured(subject: Subject) -> None:
    """The oldest step that changes an output, and the newest of one that looks ahead, are those that are declared."""
    layer = subject.layer
    if math.isinf(layer.receptive_field):
        _measure_without_limit(subject)
    elif layer.streams:
        _measure_outputs(subject)
    else:
        _measure_whole(subject)


def _measure_without_limit(subject: Subject) -> None:
    """The last output sees the first step; in a layer that runs from the end, the first output sees the last step."""
    layer = subject.layer
    parts = (part.receptive_field - 1 for part in layer.modules() if isinstance(part, SequenceLayer))
    # behind a delay the first outputs see nothing
    waits = int(sum(steps for steps in parts if math.isfinite(steps)))
    end = max(math.ceil(layer.stride), layer.block)  # a stride may leave steps out
    steps = 0
    # the bound is far too large where a layer nests: few steps more are enough for most, and cost little
    for steps in sorted(
        {max(STEPS, layer.block) + end * more for more in (0, waits // 16, waits // 4, waits, 4 * waits)}
    ):
        places = [-1] if layer.steps_out is None else range(layer.steps_out)  # together they see every step
        felt = {step for place in places for step in _felt_steps(subject, steps, place, _spans_steps)}
        if min(felt, default=steps) < end:
            return
        if felt and any(min(_wired_steps(subject, steps, place), default=steps) < end for place in places):
            return
        # the first output that a delay has something for
        early = (
            ()
            if layer.streams
            else range(min(int(layer.latency / layer.stride) + 1, _output_count(layer, steps)))
        )
        if any(
            # the newest steps of a window that looks ahead may have no weight
            max(_felt_steps(subject, steps, place, _spans_steps), default=0) >= steps - end - layer.latency
            for place in early
        ):
            return
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
        # with one output a block its field is the receptive field; with several, each has its own
        oldest = layer.oldest(place) if inside > 1 else last - layer.receptive_field + 1
        declared = int(last - oldest + 1)
        felt = _felt_steps(subject, steps, place, partial(_reaches, oldest))
        if felt and min(felt) > oldest:
            wired = _wired_steps(subject, steps, place)
            felt = wired if min(wired, default=-1) == oldest else felt
        measured = last - min(felt, default=last + 1) + 1
        widest = max(widest, measured)
        if measured != declared:
            raise CheckError(
                f"receptive_field is declared {declared} steps at output {place}, measured "
                f"{_measured_phrase(felt, measured)}."
            )
        if layer.oldest(place) != oldest:
            raise CheckError(
                f"receptive_field is {declared} steps at output {place}, but sees({place}) begins with step "
                f"{layer.oldest(place):g} instead of {oldest:g}."
            )
    if widest != layer.receptive_field:
        raise CheckError(f"receptive_field is declared {layer.receptive_field:g} steps, measured {widest}.")


def _measure_whole(subject: Subject) -> None:
    """Each output of a block in the middle, which no end cuts short."""
    layer = subject.layer
    inside, first = int(layer.block / layer.stride), 0
    while min(layer.oldest(first + place) for place in range(inside)) < 0:
        first += inside
    # a block more than what is seen: the last step of a block that it waits for may itself be left out
    steps = int(max(layer.newest(first + place) for place in range(inside))) + 1 + int(layer.receptive_field)
    steps = (steps // layer.block + 2) * layer.block
    while _output_count(layer, steps) < first + inside:
        steps += 1
    widest = 0
    for place in range(first, first + inside):
        seen = layer.sees(place)
        ends = seen.first, seen.last
        felt = _felt_steps(subject, steps, place, lambda felt, ends=ends: (min(felt), max(felt)) == ends)  # type: ignore[misc]
        if felt and (min(felt), max(felt)) != ends:
            wired = _wired_steps(subject, steps, place)
            felt = wired if wired and (min(wired), max(wired)) == ends else felt
        measured = _span(felt)
        widest = max(widest, measured)
        if measured != ends[1] - ends[0] + 1:
            raise CheckError(
                f"receptive_field is declared {ends[1] - ends[0] + 1:g} steps at output {place}, measured "
                f"{_measured_phrase(felt, measured)}."
            )
        if (min(felt), max(felt)) != ends:
            raise CheckError(
                f"output {place} is declared to see steps {ends[0]:g} to {ends[1]:g}, it sees {min(felt)} to "
                f"{max(felt)}."
            )
    if widest != layer.receptive_field:
        raise CheckError(f"receptive_field is declared {layer.receptive_field:g} steps, measured {widest}.")


def _measured_phrase(felt: set[int], measured: int) -> str:
    return f"{measured}" if felt else "none: no step of x changes it"


def latency_is_measured(subject: Subject) -> None:
    """flush gives what ``latency`` more steps would give, and the last of its outputs still depends on x."""
    layer = subject.layer
    steps = math.ceil(subject.some_steps() / layer.block) * layer.block  # whole blocks
    for more in (1, 0):
        owed = _flushed_count(subject, steps + more)
        given, due = _output_count(layer, steps + more), _output_count(layer, steps + more + layer.latency)
        low, high = due - given, due - given
        if _goes_up(layer):  # of a block that is not complete, nothing need have gone up
            low = _output_count(layer, steps + layer.latency) - given
            high = math.floor((steps + more + layer.latency) / layer.stride) - given
        if not low <= owed <= high:
            wanted = f"{high}" if low == high else f"{low} to {high}"
            raise CheckError(
                f"latency is declared {layer.latency} steps: after {steps + more} steps flush should give {wanted} "
                f"outputs, it gives {owed}."
            )
    if owed and not (_end_sees_input(subject, steps) or _end_sees_input(_twin(subject), steps)):
        raise CheckError(
            f"latency is declared {layer.latency} steps, but the end of flush ignores the input."
        )


def stride_is_measured(subject: Subject) -> None:
    """T steps give floor(T / stride) outputs of output_size, in whole blocks, and out_lengths says so."""
    layer = subject.layer
    most = 3 * max(math.ceil(layer.stride), layer.block) + 1
    for steps in range(most + 1):
        x = subject.x(steps)
        y, _ = layer(x)
        _check_features(layer, x, y)
        stated = layer.out_lengths(torch.full((BATCH,), steps))
        if layer.steps_out is not None:  # or nothing, where strides before make nothing of so few
            some = y.shape[1] > 0 or steps == most
            low = high = layer.steps_out if some else 0
        else:
            low, high = (
                math.floor(steps // layer.block * layer.block / layer.stride),
                math.floor(steps / layer.stride),
            )
        if layer.block == layer.stride.numerator and 1 in layer.stride.as_integer_ratio():
            low = high  # 3 to 2 may be one at a time or two at once
        if not low <= y.shape[1] <= high or stated.tolist() != [y.shape[1]] * BATCH:
            wanted = f"{high}" if low == high else f"{low} to {high}"
            raise CheckError(
                f"stride is declared {layer.stride}: {steps} steps should give {wanted} outputs, they give "
                f"{y.shape[1]} and out_lengths says {stated[0].item()}."
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


def _output_count(layer: SequenceLayer, steps: int) -> int:
    return int(layer.out_lengths(torch.tensor([steps])))


def _reaches(oldest: float, felt: set[int]) -> bool:
    return min(felt) <= oldest


def _span(felt: set[int]) -> int:
    return max(felt) - min(felt) + 1 if felt else 0


def _spans_steps(felt: set[int]) -> bool:
    return _span(felt) >= STEPS


def _felt_steps(subject: Subject, steps: int, place: int, enough: Callable[[set[int]], bool]) -> set[int]:
    """Input steps that change the output at ``place``, in as many draws as it takes to have ``enough`` of them."""
    felt: set[int] = set()
    layer, own = subject.layer, list[Tensor]()
    for variant in range(DRAWS):
        if variant == OWN_WEIGHTS:
            layer = linear_twin(subject.layer)
            own = [parameter.detach().clone() for parameter in layer.parameters()]
        elif variant > OWN_WEIGHTS and variant % REDRAW_EVERY == 0:
            _redraw_weights(layer, own, variant)
        x, other = subject.x(steps, variant=variant), subject.x(steps, variant=variant + DRAWS)
        felt |= _changing_steps(layer, x[:1], other[0], place)
        if felt and enough(felt):
            break
    return felt


def _wired_steps(subject: Subject, steps: int, place: int) -> set[int]:
    """Input steps whose NaN makes the output at ``place`` one, in the linear twin; none of codes, which have no NaN.

    NaN passes through any weight, however small: far steps of a deep residual network count for less than rounding.
    An algorithm may spread it further than a layer is wired, by running sums or products with 0, so that these steps
    are evidence only where they are just those that are declared, and the output sees something at all.
    """
    x = subject.x(steps)[:1]
    if not x.is_floating_point():
        return set()
    return _changing_steps(linear_twin(subject.layer), x, torch.full_like(x[0], math.nan), place)


def _changing_steps(layer: SequenceLayer, x: Tensor, other: Tensor, place: int) -> set[int]:
    """Steps of x (1, T, ...) that change the output at ``place`` where they are exchanged for those of other."""
    plain, _ = layer(x)
    found: set[int] = set()
    for steps in torch.arange(x.shape[1], device=x.device).split(max(1, MOST_NUMBERS // x.numel())):
        # perturbations of one draw in one batch: each row has a step of its own exchanged
        rows = x.repeat(len(steps), *[1] * (x.dim() - 1))
        rows[torch.arange(len(steps), device=x.device), steps] = other[steps]
        y, _ = layer(rows)
        changed = _differs(y[:, place], plain[:, place]).flatten(1).any(dim=1)
        found |= set(steps[changed].tolist())
    return found


def _redraw_weights(layer: SequenceLayer, own: list[Tensor], seed: int) -> None:
    """Other weights in a private copy: with these a tap may be 0 on the only way of a step."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter, before in zip(layer.parameters(), own, strict=True):
            noise = torch.randn(before.shape, generator=generator, dtype=torch.float64)
            # by as much as they are, so that the only weight or bias of a dead relu changes its sign, too
            parameter.copy_(before + (0.1 + before.square().mean().sqrt()) * noise.to(before))


def _differs(y: Tensor, plain: Tensor) -> Tensor:
    """By more than rounding: a matrix product may round each row of a batch in another way."""
    scale = plain.detach().nan_to_num(0.0, 0.0, 0.0).norm().item()
    return ~torch.isclose(y, plain, rtol=0.0, atol=TOLERANCE[torch.float64] * scale)


def _end_sees_input(subject: Subject, steps: int) -> bool:
    """Whether the last output of flush depends on x, in some draw."""
    for variant in range(DRAWS):
        x, other = subject.x(steps, variant=variant), subject.x(steps, variant=variant + DRAWS)
        if bool((_flushed(subject, x)[:, -1] != _flushed(subject, other)[:, -1]).any()):
            return True
    return False


def _twin(subject: Subject) -> Subject:
    return replace(subject, layer=fill_windows(linear_twin(subject.layer)))


def _flushed_count(subject: Subject, steps: int) -> int:
    flushed = _flushed(subject, subject.x(steps))
    return flushed.shape[1] if flushed.dim() > 1 else 0


def _flushed(subject: Subject, x: Tensor) -> Tensor:
    return subject.layer.flush(subject.layer(x)[1])
