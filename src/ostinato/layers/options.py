"""Checks of constructor options that are not sizes: choices, numbers and flags."""

import math
from collections.abc import Iterable

from ..errors import ConfigError, shortened


def yes_or_no(**flags: object) -> None:
    """Refuse what is neither True nor False, naming the first: "no" would count as yes.

    Raises:
        ConfigError: a flag is something else.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ConfigError(f"{name} must be True or False, got {shortened(flag)}.")


def one_of(name: str, value: object, allowed: Iterable[str]) -> None:
    """Refuse what is not among the ``allowed`` words.

    Raises:
        ConfigError: it is none of them.
    """
    *firsts, last = map(repr, allowed)
    if not isinstance(value, str) or repr(value) not in (*firsts, last):
        raise ConfigError(f"{name} must be {', '.join(firsts)} or {last}, got {shortened(value)}.")


def number(**values: object) -> None:
    """Refuse what is no number, naming the first. Infinity is one.

    Raises:
        ConfigError: a value is NaN, True, False, or of another kind than int and float.
    """
    for name, value in values.items():
        if not is_number(value) or value != value:
            raise ConfigError(f"{name} must be a number, got {shortened(value)}.")


def is_number(value: object) -> bool:
    """Whether it is an int or a float, NaN and infinity among them, and neither True nor False."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def finite(**values: object) -> None:
    """Refuse what is no finite number, naming the first.

    Raises:
        ConfigError: as ``number``, or a value is infinite.
    """
    number(**values)
    for name, value in values.items():
        if math.isinf(value):  # type: ignore[arg-type]
            raise ConfigError(f"{name} must be a finite number, got {value}.")


def above_zero(**values: object) -> None:
    """Refuse what is no finite number above 0, naming the first.

    Raises:
        ConfigError: as ``finite``, or a value is 0 or below.
    """
    finite(**values)
    for name, value in values.items():
        if value <= 0:  # type: ignore[operator]
            raise ConfigError(f"{name} must be above 0, got {value}.")


def not_negative(**values: object) -> None:
    """Refuse what is no finite number of 0 or more, naming the first.

    Raises:
        ConfigError: as ``finite``, or a value is below 0.
    """
    finite(**values)
    for name, value in values.items():
        if value < 0:  # type: ignore[operator]
            raise ConfigError(f"{name} must be 0 or more, got {value}.")
