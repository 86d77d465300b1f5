"""Receptive field, rate and number of steps, by exchanging input steps and counting outputs."""

import math
from dataclasses import replace
from fractions import Fraction

import torch
from torch import Tensor

from contract.architectures.subject import Examined, FaultError
from ostinato.checks.linear_twin import linear_twin
from ostinato.core import SequenceLayer

DRAWS = 6  # of inputs and weights: a maximum, or a relu, hides steps in some of them
LONGEST = 48  # steps that are exchanged
SIZES = (1.0, 1.0, 30.0, 1.0, 0.03, 1.0)


def heard(subject: Examined, steps: int, draws: int = DRAWS) -> Tensor:
    """Which input step changes which output, (T, T') bool, in any of some draws of inputs and weights."""
    layer, found = subject.layer, None
    before = [parameter.detach().clone() for parameter in layer.parameters()]
    generator = torch.Generator().manual_seed(subject.seed)
    with torch.no_grad():
        for draw in range(draws):
            changed = _changed(subject, steps, draw)
            found = changed if found is None else found | changed
            for parameter, value in zip(layer.parameters(), before, strict=True):
                noise = torch.randn(value.shape, generator=generator, dtype=value.dtype)
                parameter.copy_(value + 0.3 * (draw + 1) * noise)
        for parameter, value in zip(layer.parameters(), before, strict=True):
            parameter.copy_(value)
    assert found is not None
    return found


def _changed(subject: Examined, steps: int, draw: int) -> Tensor:
    x = subject.x(steps, 2, variant=draw)
    # row s of the batch has step s exchanged, the last row none
    rows = x[:1].repeat(steps + 1, *[1] * (x.dim() - 1))
    every = torch.arange(steps)
    normal = not subject.layer.takes_codes and x.dtype == torch.float64
    rows[every, every] = x[1] * (
        SIZES[draw % len(SIZES)] if normal and subject.draw.__name__ == "normal" else 1.0
    )
    y, _ = subject.layer(rows)
    plain = y[-1:]
    scale = plain.abs().nan_to_num(0.0, 0.0, 0.0).amax().item() if plain.numel() else 0.0
    return ~torch.isclose(y[:-1], plain, rtol=0.0, atol=1e-11 * max(scale, 1e-6), equal_nan=True).flatten(
        2
    ).all(2)


def receptive_field(subject: Examined) -> None:
    """No output hears a step before its declared oldest one or behind its newest, and something is heard at all."""
    layer = subject.layer
    steps = _steps(subject)
    table = heard(subject, steps)
    if table.shape[1] == 0:
        return
    deaf = not table.any() and _enough(layer) <= steps
    # a sigmoid of prices is 1, whatever they are: the twin without it must hear
    if deaf and not heard(replace(subject, layer=linear_twin(layer)), steps).any():
        raise FaultError(f"no output hears any of {steps} steps")
    seen = 0
    for output in range(table.shape[1]):
        felt = table[:, output].nonzero()[:, 0].tolist()
        if not felt:
            continue
        oldest, newest = min(felt), max(felt)
        if layer.steps_out is None:  # else an output hears a part of all, however many there are
            if layer.oldest(output) > oldest:
                raise FaultError(
                    f"output {output} hears step {oldest}, declared is {layer.oldest(output)} on"
                )
            if not layer.streams and _end_of_block(layer, layer.newest(output)) < newest:
                raise FaultError(
                    f"output {output} hears step {newest}, declared is up to {layer.newest(output)}"
                )
        last = newest if not layer.streams else math.ceil((output + 1) * layer.stride) - 1
        seen = max(seen, last - oldest + 1)
    if layer.receptive_field < seen:
        raise FaultError(f"receptive_field is declared {layer.receptive_field}, measured {seen}")


def _end_of_block(layer: SequenceLayer, step: float) -> float:
    """The last step of its block: within a block what streams may look ahead, and does not say so."""
    return step if math.isinf(step) else (step // layer.block + 1) * layer.block - 1


def receptive_field_is_tight(subject: Examined) -> None:
    """A warning: declared beyond what is measured."""
    layer, steps = subject.layer, _steps(subject)
    if math.isinf(layer.receptive_field) or layer.receptive_field > steps // 2:
        return
    table = heard(subject, steps, 4 * DRAWS)
    seen = 0
    for output in range(table.shape[1]):
        felt = table[:, output].nonzero()[:, 0].tolist()
        last = max(felt, default=0) if not layer.streams else math.ceil((output + 1) * layer.stride) - 1
        seen = max(seen, last - min(felt, default=last + 1) + 1)
    if seen and seen < layer.receptive_field:
        raise FaultError(f"receptive_field is declared {layer.receptive_field}, measured {seen}")


def _steps(subject: Examined) -> int:
    return min(max(_enough(subject.layer), 10), LONGEST)


def _enough(layer: SequenceLayer) -> int:
    """Steps of which some output hears one, whatever it waits for."""
    field = 0 if math.isinf(layer.receptive_field) else int(layer.receptive_field)
    return field + layer.latency + 2 * max(layer.block, math.ceil(layer.stride)) + 4


def future(subject: Examined) -> None:
    """An output that has come does not change by what follows."""
    layer = subject.layer
    if not layer.streams:
        return
    steps = subject.steps
    whole, _ = layer(subject.x(steps))
    other = torch.cat(
        [subject.x(steps)[:, : steps // 2], subject.x(steps, variant=5)[:, steps // 2 :]], dim=1
    )
    count = layer(subject.x(steps)[:, : steps // 2])[0].shape[1]
    y, _ = layer(other)
    if not torch.allclose(y[:, :count], whole[:, :count], rtol=1e-9, atol=1e-12):
        raise FaultError(f"outputs before step {steps // 2} change with what comes behind it")


def numbers_of_steps(subject: Examined) -> None:
    """``stride``, ``block``, ``steps_out`` and ``out_lengths`` say how many outputs come."""
    layer = subject.layer
    counts = []
    for steps in range(3 * layer.block + 3):
        y, _ = layer(subject.x(steps, 1))
        counts.append(y.shape[1])
        said = layer.out_lengths(torch.tensor([steps, steps])).tolist()
        if said != [y.shape[1]] * 2:
            raise FaultError(f"{steps} steps give {y.shape[1]} outputs, out_lengths says {said}")
        size = layer.output_size
        given = y.shape[2:] if isinstance(size, tuple) else y.shape[-1]
        if size is not None and (given != size or y.dim() != (4 if isinstance(size, tuple) else 3)):
            raise FaultError(f"output_size is {size}, y is {tuple(y.shape)}")
    if layer.steps_out is not None:
        if counts[0] or set(counts[layer.block :]) != {layer.steps_out}:
            raise FaultError(f"steps_out is {layer.steps_out}, 0 to {len(counts) - 1} steps give {counts}")
        return
    for steps, count in enumerate(counts):
        nominal = Fraction(steps) / layer.stride
        least = Fraction(steps // layer.block * layer.block) / layer.stride if layer.streams else Fraction(0)
        if count > nominal + (0 if layer.streams else layer.block) or count < least:
            raise FaultError(
                f"stride {layer.stride} and block {layer.block}, but {steps} steps give {count} outputs"
            )
    if counts[-1] - counts[-1 - layer.block] != layer.block / layer.stride:
        raise FaultError(
            f"stride is {layer.stride}, block {layer.block}: {counts} outputs of 0, 1, ... steps"
        )
