"""Promise 1: x may be cut into chunks anywhere; with the state passed on, outputs and gradients stay the same."""

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core import SequenceLayer, leaves, named_leaves
from ..errors import CheckError
from .compare import distance, finite, same, same_bits, same_state
from .subject import STEPS, Subject, gradients, run_chunks, weigh

ROUNDING = 2.0**-24  # of float32


def chunks_join(subject: Subject) -> None:
    """Outputs and end state in pieces, of length 0 and 1 too, equal those of one call."""
    layer, x = subject.layer, subject.x()
    before: dict[str, tuple[Tensor, Any]] = {}
    for mode in subject.modes():
        for how, lengths in (("", None), (" with lengths", subject.ragged())):
            whole, end = layer(x, None, lengths)
            chunkings = subject.chunkings()
            if how in before and _same_bits(before[how], (whole, end)):
                # train computes what eval does: one cut shows that pieces join there too
                chunkings = chunkings[-1:]
            before[how] = whole, end
            for pieces in chunkings:
                where = f"in {mode}, cut into {pieces}{how}"
                y, state = run_chunks(layer, x, pieces, lengths)
                same("y", y, whole, where)
                same_state(state, end, where, rounding=subject.state_rounding)


def gradients_join(subject: Subject) -> None:
    """Gradients for x and for every parameter flow through the state as if there were no cut."""
    layer, x = subject.layer, subject.x().requires_grad_()
    inputs = [x, *subject.parameters()]
    names = ["x", *(name for name, p in layer.named_parameters() if p.requires_grad)]
    before: list[Tensor] = []
    for mode in subject.modes():
        expected = gradients(weigh(*layer(x)), inputs)
        cuts = [[1] * STEPS, [STEPS // 2, 0, STEPS - STEPS // 2]]
        if before and all(map(same_bits, before, expected)):
            cuts = cuts[1:]  # as in ``chunks_join``
        before = expected
        for pieces in cuts:
            found = gradients(weigh(*run_chunks(layer, x, pieces)), inputs)
            # a gradient may be 0 by what the layer computes, as of the direction of a weight that is normed alone
            rounding = 64 * torch.finfo(x.dtype).eps * float(torch.stack([b.norm() for b in expected]).norm())
            for name, a, b in zip(names, found, expected, strict=True):
                same(f"the gradient of {name}", a, b, f"in {mode}, cut into {pieces}", rounding=rounding)


def _same_bits(one: tuple[Tensor, Any], other: tuple[Tensor, Any]) -> bool:
    """Whether y and state of two runs are the same to the last bit."""
    found, expected = [one[0], *leaves(one[1])], [other[0], *leaves(other[1])]
    return len(found) == len(expected) and all(map(same_bits, found, expected))


def none_begins(subject: Subject) -> None:
    """state=None and the layer's initial_state are the same beginning."""
    x = subject.x()
    y, end = subject.layer(x)
    fresh = subject.layer.initial_state(len(x), x.dtype, x.device)
    other, state = subject.layer(x, fresh)
    same("y", other, y, "begun with initial_state instead of None")
    same_state(state, end, "begun with initial_state instead of None")


def float32_joins_too(subject: Subject) -> None:
    """In float32: outputs to 1e-5; gradients at most 3 times as far from float64 as those of one call."""
    layer, rounded = copy.deepcopy(subject.layer).float(), copy.deepcopy(subject.layer)
    x = _like_float32(subject)
    narrow = x.to(layer_input_dtype(layer))
    pieces = [1, 4, 0, STEPS - 5]
    whole, joined = layer(narrow), run_chunks(layer, narrow, pieces)
    # what float32 parameters say may be handed on in float64, with the digits of float32
    learns = any(parameter.dtype == torch.float32 for parameter in layer.parameters())
    computed = torch.float32 if learns else None
    truth = subject.layer(x)
    exact = gradients(weigh(*truth), subject.parameters())
    moved = Sensitivity.of(rounded, x, truth, exact)
    where = f"in float32, cut into {pieces}"
    same("y", joined[0], whole[0], where, computed, sensitivity=moved.y)
    # A state of float64 from columns of float64 keeps all its digits. From x of float32 it has no more than those of
    # float32: an activation before it may round the last of them otherwise for one step than for many.
    coarse = torch.float32 if narrow.dtype == torch.float32 else None
    same_state(joined[1], whole[1], where, coarse, sensitivities=moved.state)
    if bool(truth[0].isfinite().all()):
        finite("y", whole[0], "in float32, though it is in float64")
    inputs = [p for p in layer.parameters() if p.requires_grad]
    once, cut = gradients(weigh(*whole), inputs), gradients(weigh(*joined), inputs)
    whole_size = torch.stack([gradient.norm() for gradient in exact]).norm() if exact else 0.0
    for place, gradient in enumerate(exact):
        apart, allowed = distance(cut[place], gradient), distance(once[place], gradient)
        # one rounding may meet exact zeros, and where much cancels, the rounding is of what was added up
        rounding = ROUNDING * float(whole_size / gradient.norm()) if gradient.any() else 0.0
        if not apart <= max(3 * max(allowed, 1e-6, rounding), 8 * moved.gradients[place]):
            raise CheckError(
                f"the float32 gradient of parameter {place} is {apart:.1e} from float64 in pieces, "
                f"{allowed:.1e} in one call."
            )


@dataclass(frozen=True)
class Sensitivity:
    """How far results move, relatively, where weights and x are rounded to float32.

    Deep normalisation can amplify a rounding by orders: two orders of adding up then differ by as much.
    """

    y: float
    state: dict[str, float]
    gradients: list[float]  # of each parameter

    @classmethod
    def of(
        cls, layer: SequenceLayer, x: Tensor, truth: tuple[Tensor, Any], exact: list[Tensor]
    ) -> "Sensitivity":
        """Of y, the state and the gradients in float64; ``layer`` is a copy whose weights are rounded here."""
        generator = torch.Generator().manual_seed(0)

        def rounded(values: Tensor) -> Tensor:
            noise = torch.randn(values.shape, generator=generator, dtype=torch.float64).to(values)
            return values * (1 + ROUNDING * noise)

        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(rounded(parameter))
        y, state = layer(x if layer.takes_codes else rounded(x))
        before = named_leaves(truth[1])
        states = {name: distance(leaf, before[name]) for name, leaf in named_leaves(state).items()}
        inputs = [parameter for parameter in layer.parameters() if parameter.requires_grad]
        found = gradients(weigh(y, state), inputs)
        return cls(
            distance(y, truth[0]),
            {name: moved for name, moved in states.items() if math.isfinite(moved)},
            [distance(a, b) if b.any() else 0.0 for a, b in zip(found, exact, strict=True)],
        )


def layer_input_dtype(layer: SequenceLayer) -> torch.dtype:
    """float32, or float64 for a layer that reads raw columns."""
    return torch.float64 if layer.reads_raw else torch.float32


def _like_float32(subject: Subject) -> Tensor:
    """Inputs that float32 holds exactly, so that only the arithmetic differs."""
    x = subject.x()
    reads_raw = layer_input_dtype(copy.deepcopy(subject.layer).float()) == torch.float64
    return x if reads_raw else x.float().double()
