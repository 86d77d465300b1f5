"""Every layer and every model of the package: one line in the file of its family, and all checks run on it."""

from collections.abc import Iterable, Sequence
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

FAMILIES = (recurrent, convolution, frequencies, norms, features, combined, sound, blocks, models)
LAYERS: dict[str, Case] = {name: case for family in FAMILIES for name, case in family.CASES.items()}

__all__ = ["LAYERS", "Case", "one_of_each", "one_of_each_family"]


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


def one_of_each_family(names: Sequence[str]) -> list[Any]:
    """As ``one_of_each``, but of a whole file of the registry one case runs always. Every model does."""
    always = {name for name in names if name.startswith("model-")}
    always |= {next(name for name in names if name in family.CASES) for family in FAMILIES}
    return [pytest.param(name, marks=[] if name in always else [pytest.mark.slow]) for name in names]
