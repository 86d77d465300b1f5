"""Promise 1 for steppers: live steps give the numbers of chunks, and the exported state is complete.

Copies of steppers are held to the originals within the tolerance: bits are what ``steps_equal_chunks`` looks at.
"""

import copy
from typing import Any

import torch
from torch import Tensor

from ..core import SequenceLayer, Stepper, leaves, map_state
from ..errors import CheckError
from .chunks import layer_input_dtype
from .compare import same, same_bits, same_state
from .subject import Subject


def steps_equal_chunks(subject: Subject) -> None:
    """A stepper gives the numbers of the layer; restored in mid-stream, it gives the same bits as one that went on."""
    layer, x, alone = subject.layer, subject.x(), subject.x(batch=1)
    narrow = copy.deepcopy(layer).float()
    with torch.no_grad():
        for rows in (x, alone):
            _agree(layer, rows, "")
            _agree(narrow, rows.to(layer_input_dtype(narrow)), " in float32")
        # the dearest part: each number of rows and each dtype once, one row of float32 as in production
        _goes_on(layer, x)
        _goes_on(narrow, alone.to(layer_input_dtype(narrow)))


def copied_steppers_go_on(subject: Subject) -> None:
    """A stepper that is copied in mid-stream, deep or not, gives what the original gives, and leaves it alone."""
    layer, x = subject.layer, subject.x()
    start = x.shape[1] // 2
    with torch.no_grad():
        for way in (copy.copy, copy.deepcopy):
            stepper = _made(layer, x)
            for place in range(start):
                stepper.step(x[:, place])
            twin = way(stepper)
            where = f"by a stepper that copy.{way.__name__} made after {start} steps"
            found, expected = _rest(twin, x, start), _rest(stepper, x, start)
            if [y is None for y in found] != [y is None for y in expected]:
                raise CheckError(f"outputs come at other steps, {where}.")
            for y, other in zip(found, expected, strict=True):
                if y is not None and other is not None:
                    same("y", y, other, where)
            same_state(twin.state, stepper.state, where)


def _rest(stepper: Stepper, x: Tensor, start: int) -> list[Tensor | None]:
    return [stepper.step(x[:, place]) for place in range(start, x.shape[1])]


def _agree(layer: SequenceLayer, x: Tensor, where: str) -> None:
    """Step by step: outputs, and states that the layer goes on from."""
    stepper, state = _made(layer, x), layer.initial_state(len(x), x.dtype, x.device)
    found, expected = [], []
    for place in range(x.shape[1]):
        y, state = layer(x[:, place : place + 1], state)
        step = stepper.step(x[:, place])
        if (step is None) != (y.shape[1] == 0):
            raise CheckError(
                f"step {place} gives {'no' if step is None else 'an'} output, unlike the layer{where}."
            )
        if step is not None:
            found.append(step)
            expected.append(y[:, 0])
    learns = any(parameter.dtype == torch.float32 for parameter in layer.parameters())
    computed = torch.float32 if learns else None
    exported = stepper.state
    coarse = torch.float32 if x.dtype == torch.float32 else None  # as in ``chunks.float32_joins_too``
    same_state(exported, state, f"exported after {x.shape[1]} steps{where}", coarse)
    found.append(layer(x, exported)[0].flatten(0, 1))
    expected.append(layer(x, state)[0].flatten(0, 1))
    y, whole = torch.cat(found), torch.cat(expected)
    if y.dtype != whole.dtype:
        raise CheckError(f"y of the stepper is {found[0].dtype}, that of the layer {whole.dtype}{where}.")
    same("y", y, whole, f"step by step{where}", computed)


def _goes_on(layer: SequenceLayer, x: Tensor) -> None:
    """Bit by bit: from what was exported on the way, restored in a used stepper and in a new one, and begun anew."""
    through = _made(layer, x)
    exported, expected = [through.state], []
    for place in range(x.shape[1]):
        expected.append(through.step(x[:, place]))
        exported.append(through.state)
    used = _made(layer, x)
    used.step(x[:, -1])
    for start in (x.shape[1] // 2, x.shape[1] - 1, 1):
        given = map_state(torch.clone, exported[start])
        used.restore(given)
        fresh = layer.stepper(len(x), given, x.dtype, x.device)
        for stepper in (used, fresh):
            _same_bits(stepper, x, start, expected, exported[-1])
        for leaf, before in zip(leaves(given), leaves(exported[start]), strict=True):
            if not same_bits(leaf, before):
                raise CheckError("a stepper changed the state that it was given.")
    used.reset()
    _same_bits(used, x, 0, expected, exported[-1])


def _same_bits(stepper: Stepper, x: Tensor, start: int, expected: list[Tensor | None], end: Any) -> None:
    how = f"restored after {start} steps" if start else "reset"
    for place in range(start, x.shape[1]):
        y, other = stepper.step(x[:, place]), expected[place]
        if y is None or other is None:
            if y is not other:
                raise CheckError(
                    f"a stepper that was {how} gives outputs at other steps than one that went on."
                )
        elif not same_bits(y, other):
            raise CheckError(
                f"a stepper that was {how} gives other bits than one that went on, at step {place}."
            )
    for leaf, other in zip(leaves(stepper.state), leaves(end), strict=True):
        if not same_bits(leaf, other):
            raise CheckError(f"a stepper that was {how} ends in another state than one that went on.")


def _made(layer: SequenceLayer, x: Tensor) -> Stepper:
    return layer.stepper(len(x), dtype=x.dtype, device=x.device)
