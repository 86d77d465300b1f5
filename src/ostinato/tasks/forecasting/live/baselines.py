"""Baselines beside a live model."""

from dataclasses import dataclass
from typing import Any

from ..opening import Run


@dataclass
class Beside:
    baselines: dict[str, Any]
    units: tuple[float, ...] | None = None


def beside(run: Run, names: tuple[str, ...] | None = None) -> Beside:
    return Beside({}, None)
