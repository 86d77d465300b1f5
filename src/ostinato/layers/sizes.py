"""Sizes that every layer checks before it allocates."""

from ..core import Size, axes
from ..errors import ConfigError


def at_least_one(**sizes: Size) -> None:
    """Refuse sizes below 1, naming the first. A size of several axes is a tuple of such numbers.

    Raises:
        ConfigError: a size is not a whole number of at least 1.
    """
    for name, size in sizes.items():
        if any(not isinstance(axis, int) or isinstance(axis, bool) or axis < 1 for axis in axes(size)):
            raise ConfigError(f"{name} must be a whole number of at least 1, got {size!r}.")
