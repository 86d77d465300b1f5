"""Addresses of webhooks. They may hold secrets, so they need not be arguments of a process."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError

ENVIRONMENT = "OSTINATO_WEBHOOK"
LONGEST_LIST = 65_536  # bytes of a file of addresses


def addresses(given: Sequence[str]) -> list[str]:
    """Addresses of webhooks: as given, from the files that are given as @FILE (one a line), and of OSTINATO_WEBHOOK.

    The arguments of a process can be read by every user of the machine, its environment by its own alone.

    Raises:
        ConfigError: a file cannot be read, or is no list of addresses.
    """
    found = os.environ.get(ENVIRONMENT, "").split() if not given else []
    for one in given:
        found += _lines(Path(one[1:])) if one.startswith("@") else [one]
    return list(dict.fromkeys(found))


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST_LIST + 1).decode()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"the addresses of webhooks cannot be read from {path}: {why}.") from None
    if len(text) > LONGEST_LIST or not text.split():
        raise ConfigError(
            f"{path} must hold addresses of webhooks, one a line, and at most {LONGEST_LIST} bytes."
        )
    return text.split()
