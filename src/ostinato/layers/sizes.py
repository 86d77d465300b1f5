"""Checks of sizes, made by every layer before it allocates memory."""

from collections.abc import Sequence
from typing import Any

from ..core import Size
from ..errors import ConfigError, shortened


def at_least_one(**sizes: object) -> None:
    """Refuse sizes below 1, naming the first.

    Raises:
        ConfigError: a size is not a whole number of at least 1.
    """
    at_least(1, **sizes)


def at_least(least: int, **sizes: object) -> None:
    """Refuse sizes below ``least``, naming the first.

    Raises:
        ConfigError: a size is not a whole number of at least ``least``.
    """
    for name, size in sizes.items():
        if not is_whole(size) or size < least:  # type: ignore[operator]
            raise ConfigError(f"{name} must be a whole number of at least {least}, got {described(size)}.")


def check_size(**sizes: Size) -> None:
    """Refuse what is no size of a step: a number of features, or a tuple of such for several axes.

    Raises:
        ConfigError: it is neither, or a number is below 1.
    """
    for name, size in sizes.items():
        if not isinstance(size, tuple):
            at_least_one(**{name: size})
        elif len(size) < 2:
            raise ConfigError(
                f"{name} must be a whole number, or a tuple of two or more such numbers, got {described(size)}."
            )
        elif not all(is_whole(axis) and axis > 0 for axis in size):
            raise ConfigError(f"{name} must be a whole number of at least 1, got {described(size)}.")


def sequence(name: str, values: object, what: str) -> tuple[Any, ...]:
    """``values`` as a tuple.

    Raises:
        ConfigError: they are no sequence, or a text.
    """
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise ConfigError(f"{name} must be a sequence of {what}, got {described(values)}.")
    return tuple(values)


def whole_numbers(name: str, values: object) -> tuple[int, ...]:
    """``values`` as a tuple; how large they may be is left to the caller.

    Raises:
        ConfigError: they are no sequence of whole numbers.
    """
    taken = sequence(name, values, "whole numbers")
    wrong = next((value for value in taken if not is_whole(value)), None)
    if not all(map(is_whole, taken)):
        raise ConfigError(f"{name} must be whole numbers, got {described(wrong)}.")
    return taken


def is_whole(value: object) -> bool:
    """Whether it is an int, and not True or False, which are ints to Python."""
    return isinstance(value, int) and not isinstance(value, bool)


def described(value: object) -> str:
    """How a value that is refused enters a message.

    >>> import numpy as np
    >>> described(1.5), described(np.int64(2))
    ('1.5', 'np.int64(2), which is no int of Python: pass int(...)')
    """
    looks_whole = hasattr(value, "__index__") and not isinstance(value, int)
    return shortened(value) + (", which is no int of Python: pass int(...)" if looks_whole else "")
