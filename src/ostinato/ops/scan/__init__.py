"""A linear recurrence along time, elementwise: h_t = decay_t * h_(t-1) + value_t.

    h = linear(decay, value, start)

It works in linear space: no logarithms, so a decay may be 0, negative or complex, and no quotients of cumulative
products, so it may be tiny. Its gradient is a scan too, and its tangent: ``torch.func`` goes through it.

Axes: B batch, T time steps, * any others.
"""

from .kernels import SCAN, linear

__all__ = ["SCAN", "linear"]
