"""What a comparison says, in plain words.

The p-values of several models are corrected for their number (Holm 1979, A simple sequentially rejective multiple
test procedure), because the best of many looks good by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ALPHA = 0.01  # of the corrected test


@dataclass(frozen=True)
class Comparison:
    """One model against its strongest baseline on the same rows."""

    loss: float
    baseline: str  # the one with the lowest loss
    baseline_loss: float
    p_value: float | None  # of the test against that baseline, two-sided


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Corrected p-values: the k-th smallest of n times n - k + 1, never below one that is smaller, at most 1.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    corrected: dict[str, float] = {}
    floor = 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        floor = max(floor, min(1.0, p_values[name] * (len(p_values) - place)))
        corrected[name] = floor
    return corrected


def verdicts(comparisons: Mapping[str, Comparison]) -> dict[str, str]:
    """For each model, whether it beats every baseline, in a sentence."""
    corrected = holm({name: 1.0 if c.p_value is None else c.p_value for name, c in comparisons.items()})
    return {name: _sentence(name, found, corrected[name]) for name, found in comparisons.items()}


def _sentence(name: str, found: Comparison, p: float) -> str:
    numbers = f"log-loss {found.loss:.4f} against {found.baseline_loss:.4f}, corrected p = {p:.2g}"
    rival = found.baseline.replace("_", " ")
    if p >= ALPHA:
        return f"{name} is no better than the {rival}: the difference could be chance ({numbers})."
    if found.loss > found.baseline_loss:
        return f"{name} is worse than the {rival} ({numbers})."
    return f"{name} beats the {rival}, the best baseline ({numbers})."
