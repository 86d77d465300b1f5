"""Sizes that every layer checks before it allocates."""

from ..errors import ConfigError


def at_least_one(**sizes: int) -> None:
    """Refuse sizes below 1, naming the first.

    Raises:
        ConfigError: a size is not a whole number of at least 1.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1, got {size!r}.")
