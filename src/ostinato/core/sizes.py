"""Sizes of a step: one number of features, or frequencies and channels.

Axes: F frequencies, C channels.
"""

import math

Size = int | tuple[int, ...]  # of (B, T, size), or (F, C) of (B, T, F, C)


def axes(size: Size) -> tuple[int, ...]:
    """The axes of a step.

    >>> axes(3), axes((8, 2))
    ((3,), (8, 2))
    """
    return size if isinstance(size, tuple) else (size,)


def numbers(size: Size) -> int:
    """How many numbers a step holds.

    >>> numbers(3), numbers((8, 2))
    (3, 16)
    """
    return math.prod(axes(size))
