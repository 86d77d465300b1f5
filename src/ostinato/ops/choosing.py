"""Which twin of an op runs, and why another was refused."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import BackendError

ENVIRONMENT = "OSTINATO_BACKEND"


@dataclass(frozen=True)
class Choice:
    """What one op runs on."""

    op: str
    backend: str
    refused: dict[str, str]  # name of another backend: why it was not taken


_choices: dict[str, Choice] = {}


def choose(op: str, candidates: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Pick the function for ``op``: the last candidate, or the one that OSTINATO_BACKEND names.

    Candidates go from the definition ("naive") to the fastest.

    Raises:
        BackendError: the environment names a backend that does not exist.
    """
    wanted = os.environ.get(ENVIRONMENT) or list(candidates)[-1]
    if wanted not in candidates:
        known = ", ".join(candidates)
        raise BackendError(f"{ENVIRONMENT} is {wanted!r}, {op} has {known}. Unset it to let ostinato choose.")
    reason = f"{ENVIRONMENT}={wanted}" if os.environ.get(ENVIRONMENT) else f"{wanted} is faster"
    _choices[op] = Choice(op, wanted, {name: reason for name in candidates if name != wanted})
    return candidates[wanted]


def backends() -> list[Choice]:
    """The choice made for every op, by name."""
    return [_choices[op] for op in sorted(_choices)]
