"""The same scan on torch's elementwise kernels, without a graph node for each step.

Two ways of running it. A loop over time with one fused multiply-add a step, written where it belongs, reads and writes
each number once: nothing is faster where a step is wide. Where steps are narrow or launches are dear, the time goes
into calls: then about sqrt(T) blocks are run beside each other, and what enters each block is carried in afterwards.

Forward, one thread of a 2-core AMD Zen 5, 1000 steps, in ms:

    numbers in a step   naive   loop   blocks   log T doublings   in logarithms
    32 x 128             27      7.8     9.3        124                215
    1 x 128              8.2     2.9     1.0        0.9

The logarithms moreover know no sign, and none of them a decay of 0.

The gradient of a scan is a scan from the end, whose gradient is a scan again: both are operators of torch, so that
autograd, ``torch.compile`` and ``torch.export`` meet one node however many steps there are, and keep only what goes in
and h.

Axes: B batch, T time steps, K blocks, N steps of a block, * any others.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from . import naive
from .arguments import aligned

WIDE = 2048  # numbers in a step from which the loop wins on a processor
LONG = 64  # steps from which blocks win


def linear(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
    """As ``naive.linear``."""
    if value.dim() > 1 and value.shape[1] == 1:  # a live step: plain arithmetic, which can be exported
        return naive.linear(decay, value, start)
    h: Tensor = _scan(*aligned(decay, value, start))
    return h


@torch.library.custom_op("ostinato::scan", mutates_args=())
def _scan(decay: Tensor, value: Tensor, start: Tensor) -> Tensor:
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


@torch.library.custom_op("ostinato::scan_adjoint", mutates_args=())
def _adjoint(decay: Tensor, gradient: Tensor) -> Tensor:
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


@_scan.register_fake
@_adjoint.register_fake
def _like(decay: Tensor, value: Tensor, start: Tensor | None = None) -> Tensor:
    return value.new_empty(value.shape)


def _keep_scan(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    decay, _, start = inputs
    ctx.save_for_backward(decay, start, output)


def _scan_backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    decay, start, h = ctx.saved_tensors
    g = _adjoint(decay, gradient)
    if g.shape[1] == 0:
        return torch.zeros_like(decay), g, torch.zeros_like(start)
    by_decay = None
    if ctx.needs_input_grad[0]:
        by_decay = _summed(decay, g[:, :1] * start[:, None].conj(), g[:, 1:] * h[:, :-1].conj())
    return by_decay, g, decay[:, 0].conj() * g[:, 0]


def _keep_adjoint(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    ctx.save_for_backward(inputs[0], output)


def _adjoint_backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
    decay, g = ctx.saved_tensors
    if g.shape[1] == 0:
        return torch.zeros_like(decay), gradient
    p = _scan(decay, gradient, torch.zeros_like(gradient[:, 0]))
    by_decay = None
    if ctx.needs_input_grad[0]:
        by_decay = _summed(decay, torch.zeros_like(g[:, :1]), p[:, :-1].conj() * g[:, 1:])
    return by_decay, p


_scan.register_autograd(_scan_backward, setup_context=_keep_scan)
_adjoint.register_autograd(_adjoint_backward, setup_context=_keep_adjoint)


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
