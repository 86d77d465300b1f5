"""What a comparison says, in plain words.

The p-values of several models are corrected for their number (Holm 1979, A simple sequentially rejective multiple
test procedure), because the best of many looks good by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ALPHA = 0.01  # the level, of the corrected test where there are several


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
    p_values = {name: found.p_value for name, found in comparisons.items() if found.p_value is not None}
    corrected = holm(p_values)
    p_is = "corrected p" if len(comparisons) > 1 else "p"
    return {name: _sentence(name, found, corrected.get(name), p_is) for name, found in comparisons.items()}


def _sentence(name: str, found: Comparison, p: float | None, p_is: str) -> str:
    numbers = f"log-loss {found.loss:.4f} against {found.baseline_loss:.4f}"
    rival, level = found.baseline.replace("_", " "), f"at the {ALPHA:.0%} level".replace("%", " %")
    if p is None:
        return f"{name} cannot be told from the {rival}: the test gives no p ({numbers})."
    numbers += f", {p_is} = {p:.2g}"
    if p >= ALPHA:
        return f"{name} is no better than the {rival} {level}: the difference could be chance ({numbers})."
    if found.loss > found.baseline_loss:
        return f"{name} is worse than the {rival} {level} ({numbers})."
    return f"{name} beats the {rival}, the best baseline, {level} ({numbers})."
