"""Every layer and every model of the package: one line in the file of its family, and all checks run on it."""

from collections.abc import Iterable
from typing import Any

import pytest

from contract.registry import (
    blocks,
    combined,
    convolution,
    features,
    frequencies,
    models,
    norms,
    recurrent,
    sound,
)
from contract.registry.case import Case

LAYERS: dict[str, Case] = {
    **recurrent.CASES,
    **convolution.CASES,
    **frequencies.CASES,
    **norms.CASES,
    **features.CASES,
    **combined.CASES,
    **sound.CASES,
    **blocks.CASES,
    **models.CASES,
}

__all__ = ["LAYERS", "Case", "one_of_each"]


def one_of_each(names: Iterable[str]) -> list[Any]:
    """Parameters for a test that is dear: the first case of each class and every model run always, the others are slow.

    The first case of a class is its usual form; a name is that of the class, and of what is special behind a dash.
    """
    seen: set[str] = set()
    found = []
    for name in names:
        kind = name if name.startswith("model-") else name.partition("-")[0]
        found.append(pytest.param(name, marks=[pytest.mark.slow] if kind in seen else []))
        seen.add(kind)
    return found
