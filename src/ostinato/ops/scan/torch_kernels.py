"""The same scan on torch's elementwise kernels, without a graph node for each step.

Two ways of running it. A loop over time with one fused multiply-add a step, written where it belongs, reads and writes
each number once: nothing is faster where a step is wide. Where steps are narrow or launches are dear, the time goes
into calls: then about sqrt(T) blocks are run beside each other, and what enters each block is carried in afterwards.

Forward, one thread of a 2-core AMD Zen 5, 1000 steps, in ms:

    numbers in a step   naive   loop   blocks   log T doublings   in logarithms
    32 x 128             27      7.8     9.3        124                215
    1 x 128              8.2     2.9     1.0        0.9

The logarithms moreover know no sign, and none of them a decay of 0.

The gradient of a scan is a scan from the end, whose gradient is a scan again, and so are the tangents of both. They are
operators of torch, so that autograd, ``torch.compile`` and ``torch.export`` meet one node however many steps there are,
and keep only what goes in and h; called as autograd functions, they go through ``torch.func`` too. Of the operators
called by name, or compiled, ``torch.func`` takes no derivatives: it raises.

Axes: B batch, T time steps, K blocks, N steps of a block, * any others.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from . import naive
from .arguments import aligned

WIDE = 2048  # numbers in a step from which the loop wins on a processor
LONG = 64  # steps from which blocks win
PLAIN = (Tensor, nn.Parameter)  # a subclass, such as a tensor that is traced, sees operators alone


def linear(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
    """As ``naive.linear``."""
    if value.dim() > 1 and value.shape[1] == 1:  # a live step: plain arithmetic, which can be exported
        return naive.linear(decay, value, start)
    # torch.compile and torch.export want an operator, torch.func a function
    way = torch.ops.ostinato.scan if torch.compiler.is_compiling() else _scan
    h: Tensor = way(*aligned(decay, value, start))
    return h


def _scan(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
    if _is_plain(decay, value, start):
        return _forward(decay, value, start)
    levels = _forward_levels()
    if levels is not None and levels > 1:
        return naive.linear(decay, value, start)
    h: Tensor = (Scan if levels is None else TransformedScan).apply(decay, value, start)
    return h


def _adjoint(decay: Tensor, gradient: Tensor) -> Tensor:
    if _is_plain(decay, gradient):
        return _backward(decay, gradient)
    levels = _forward_levels()
    if levels is None or levels < 2:
        g: Tensor = (Adjoint if levels is None else TransformedAdjoint).apply(decay, gradient)
        return g
    turned = decay.conj().expand(-1, gradient.shape[1], *decay.shape[2:]).roll(-1, 1).flip(1)
    return naive.linear(turned, gradient.flip(1), torch.zeros_like(gradient.sum(1))).flip(1)


def _is_plain(*inputs: Tensor) -> bool:
    """Whether nobody follows this call: no gradient, no tangent, no transformation, no tracing.

    Then the numbers are computed at once: ``apply`` and the dispatcher cost a short scan a third of its time.
    """
    if (
        forward_ad._current_level >= 0
        or torch._C._functorch.get_interpreter_stack() is not None
        or torch._C._len_torch_dispatch_stack() > 0
    ):
        return False
    followed = torch.is_grad_enabled()
    return all(
        type(part) in PLAIN and not part.is_meta and not (followed and part.requires_grad) for part in inputs
    )


def _forward_levels() -> int | None:
    """How often forward mode runs within itself in ``torch.func``; None outside of it.

    From two on torch takes the tangents of a function's ``jvp`` for 0.
    """
    levels = torch._C._functorch.get_interpreter_stack()
    if levels is None:
        return None
    return sum(level.key() == torch._C._functorch.TransformType.Jvp for level in levels)


class Scan(torch.autograd.Function):
    """``_forward`` with its derivatives: a scan from the end backward, and a scan of tangents forward."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
        """The operator itself, which graphs keep as one node. Kept are decay, start and h."""
        with torch._C._AutoDispatchBelowAutograd():
            h: Tensor = torch.ops.ostinato.scan.default(decay, value, start)
        ctx.save_for_backward(decay, start, h)
        ctx.save_for_forward(decay, start, h)
        return h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Of decay, value and start."""
        decay, start, h = ctx.saved_tensors
        g = _adjoint(decay, gradient)
        if g.shape[1] == 0:
            return torch.zeros_like(decay), g, torch.zeros_like(start)
        by_decay = None
        if ctx.needs_input_grad[0]:
            by_decay = _summed(decay, g[:, :1] * start[:, None].conj(), g[:, 1:] * h[:, :-1].conj())
        return by_decay, g, decay[:, 0].conj() * g[:, 0]

    @staticmethod
    def jvp(ctx: Any, decay_tangent: Tensor, value_tangent: Tensor, start_tangent: Tensor) -> Tensor:
        """h'_t = decay_t * h'_(t-1) + decay'_t * h_(t-1) + value'_t"""
        decay, start, h = ctx.saved_tensors
        before = torch.cat([start[:, None], h], dim=1)[:, : h.shape[1]]
        return _scan(decay, decay_tangent * before + value_tangent, start_tangent)


class Adjoint(torch.autograd.Function):
    """``_backward`` with its derivatives, which are scans again."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, gradient: Tensor) -> Tensor:
        """The operator itself. Kept are decay and g."""
        with torch._C._AutoDispatchBelowAutograd():
            g: Tensor = torch.ops.ostinato.scan_adjoint.default(decay, gradient)
        ctx.save_for_backward(decay, g)
        ctx.save_for_forward(decay, g)
        return g

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Of decay and gradient."""
        decay, g = ctx.saved_tensors
        if g.shape[1] == 0:
            return torch.zeros_like(decay), gradient
        p = _scan(decay, gradient, torch.zeros_like(gradient[:, 0]))
        by_decay = None
        if ctx.needs_input_grad[0]:
            by_decay = _summed(decay, torch.zeros_like(g[:, :1]), p[:, :-1].conj() * g[:, 1:])
        return by_decay, p

    @staticmethod
    def jvp(ctx: Any, decay_tangent: Tensor, gradient_tangent: Tensor) -> Tensor:
        """g'_t = conj(decay_(t+1)) * g'_(t+1) + conj(decay'_(t+1)) * g_(t+1) + gradient'_t"""
        decay, g = ctx.saved_tensors
        moved = (decay_tangent.conj() * g)[:, 1:]
        nothing = torch.zeros_like(g[:, :1])
        return _adjoint(decay, gradient_tangent + torch.cat([moved, nothing], dim=1)[:, : g.shape[1]])


class TransformedScan(Scan):
    """As ``torch.func`` wants a function; its apply takes three times as long."""

    @staticmethod
    def forward(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:  # type: ignore[override]
        """The operator itself."""
        h: Tensor = torch.ops.ostinato.scan.default(decay, value, start)
        return h

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """As ``Scan``."""
        decay, _, start = inputs
        ctx.save_for_backward(decay, start, output)
        ctx.save_for_forward(decay, start, output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> tuple[Tensor, int]:
        """Elementwise beyond time, so that a batch more is an axis more."""
        decay, *others = map(_last_axis, inputs, in_dims)
        h = _scan(decay, *(part.expand(*part.shape[:-1], info.batch_size) for part in others))
        return h, h.dim() - 1


class TransformedAdjoint(Adjoint):
    """The same of ``Adjoint``."""

    @staticmethod
    def forward(decay: Tensor, gradient: Tensor) -> Tensor:  # type: ignore[override]
        """The operator itself."""
        g: Tensor = torch.ops.ostinato.scan_adjoint.default(decay, gradient)
        return g

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """As ``Adjoint``."""
        ctx.save_for_backward(inputs[0], output)
        ctx.save_for_forward(inputs[0], output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Tensor) -> tuple[Tensor, int]:
        """As of ``Scan``."""
        decay, gradient = map(_last_axis, inputs, in_dims)
        g = _adjoint(decay, gradient.expand(*gradient.shape[:-1], info.batch_size))
        return g, g.dim() - 1


def _last_axis(x: Tensor, batch: int | None) -> Tensor:
    return x[..., None] if batch is None else x.movedim(batch, -1)


def _forward(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
    """h_t = decay_t * h_(t-1) + value_t.  Decay has the axes of value, each of its size or 1; start is one step."""
    h = value.new_empty(value.shape)
    if value.numel() == 0:
        return h
    decay, value = _by_step(decay), _by_step(value)
    if _in_blocks(decay, value):
        return _run_blocks(decay, value, start, h)
    factors = decay.expand(-1, value.shape[1], *decay.shape[2:]).unbind(1)
    _loop(factors, value.unbind(1), start, h.unbind(1))
    return h


def _backward(decay: Tensor, gradient: Tensor) -> Tensor:
    """g_t = gradient_t + conj(decay_(t+1)) * g_(t+1); the last g is the last gradient."""
    g = gradient.new_empty(gradient.shape)
    if gradient.numel() == 0:
        return g
    decay, gradient = _by_step(decay.conj().resolve_conj()), _by_step(gradient)
    start = torch.zeros_like(gradient[:, 0])
    if _in_blocks(decay, gradient):
        turned = decay if decay.shape[1] == 1 else decay.roll(-1, 1).flip(1)
        return _run_blocks(turned, gradient.flip(1), start, g).flip(1)
    _, *factors = decay.expand(-1, gradient.shape[1], *decay.shape[2:]).unbind(1)
    nothing = torch.zeros_like(decay[:, 0])
    _loop([nothing, *reversed(factors)], reversed(gradient.unbind(1)), start, reversed(g.unbind(1)))
    return g


def _summed(decay: Tensor, first: Tensor, rest: Tensor) -> Tensor:
    """The gradient of all steps from that of the first and those of the rest, in the shape of ``decay``."""
    if decay.shape[1] == 1:
        return first.sum_to_size(decay.shape) + rest.sum(1, keepdim=True).sum_to_size(decay.shape)
    return torch.cat([first, rest], dim=1).sum_to_size(decay.shape)


def _by_step(x: Tensor) -> Tensor:
    """``x`` with the numbers of a step side by side: channel-first memory is walked through 3 times slower."""
    return x if x.stride(-1) in (0, 1) else x.contiguous()


def _in_blocks(decay: Tensor, value: Tensor) -> bool:
    """Whether blocks are faster, and safe: the product of decays above 1 may overflow where h does not."""
    steps = value.shape[1]
    narrow = value.is_cuda or value.numel() < WIDE * steps
    return narrow and steps >= LONG and bool(decay.abs().amax() <= 1)


def _loop(factors: Iterable[Tensor], values: Iterable[Tensor], h: Tensor, places: Iterable[Tensor]) -> None:
    """Step after step; each is written to its place."""
    for factor, value, place in zip(factors, values, places, strict=True):
        torch.addcmul(value, factor, h, out=place)
        h = place


def _run_blocks(decay: Tensor, value: Tensor, start: Tensor, h: Tensor) -> Tensor:
    """Each block from zero, together with the product of its decays; then what enters it is added to its steps."""
    steps = value.shape[1]
    size = math.isqrt(steps)
    whole = steps // size * size
    values, inside = (part[:, :whole].unflatten(1, (-1, size)) for part in (value, h))  # (B, K, N, *)
    if decay.shape[1] == 1:
        decays = decay[:, None].expand(-1, -1, size, *decay.shape[2:])
    else:
        decays = decay[:, :whole].unflatten(1, (-1, size))
    products = torch.cumprod(decays, dim=2)
    nothing = torch.zeros_like(start)[:, None]
    _loop(decays.unbind(2), values.unbind(2), nothing, inside.unbind(2))
    entering = torch.empty_like(inside[:, :, 0])
    ends = inside[:, :, -1]
    factors = products[:, :, -1].expand(-1, ends.shape[1], *products.shape[3:])
    for block in range(ends.shape[1]):
        entering[:, block] = start
        start = torch.addcmul(ends[:, block], factors[:, block], start)
    inside.addcmul_(products, entering[:, :, None])
    left = decay.expand(-1, steps, *decay.shape[2:])[:, whole:].unbind(1)
    _loop(left, value[:, whole:].unbind(1), start, h[:, whole:].unbind(1))
    return h


def _like(decay: Tensor, value: Tensor, start: Tensor | None = None) -> Tensor:
    return value.new_empty(value.shape)


# Not ``torch.library.custom_op``: what that registers takes no tangents, and drops them without a word.
_library = torch.library.Library("ostinato", "FRAGMENT")
_library.define("scan(Tensor decay, Tensor value, Tensor start) -> Tensor", tags=torch.Tag.pt2_compliant_tag)
_library.define("scan_adjoint(Tensor decay, Tensor gradient) -> Tensor", tags=torch.Tag.pt2_compliant_tag)
_library.impl("scan", _forward, "CompositeExplicitAutograd")
_library.impl("scan_adjoint", _backward, "CompositeExplicitAutograd")
_library.impl("scan", Scan.apply, "Autograd")
_library.impl("scan_adjoint", Adjoint.apply, "Autograd")
torch.library.register_fake("ostinato::scan", _like, lib=_library)
torch.library.register_fake("ostinato::scan_adjoint", _like, lib=_library)
