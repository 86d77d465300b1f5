"""What a comparison says, in plain words.

The p-values of several models are corrected for their number, because the best of many looks good by chance; and each
for the number of configurations that were tried before one was chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ConfigError

ALPHA = 0.01  # the level, of the corrected test where there are several

NAMES = {
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "drift": "the drift",
    "exponential_smoothing": "exponential smoothing",
    "linear": "linear regression",
    "logistic": "logistic regression",
    "ewma_quantiles": "the EWMA quantiles",
}


@dataclass(frozen=True)
class Comparison:
    """One model against its strongest baseline on the same rows."""

    loss: float
    baseline: str  # the one with the lowest loss
    baseline_loss: float
    p_value: float | None  # of the test against that baseline, two-sided
    loss_name: str = "log-loss"
    trials: int = 1  # configurations of the model that were tried, of which this one was chosen


def holm(p_values: Mapping[str, float], trials: Mapping[str, int] | None = None) -> dict[str, float]:
    """Corrected p-values: the k-th smallest of n times n - k + 1, never below one that is smaller, at most 1.

    A model chosen out of T configurations stands for T tests of which one is shown, so its p is first multiplied by
    T (Bonferroni): if none of the T has skill, the least of their p is below a / T with a chance of at most a. This
    holds however the choice was made; where it was made on other rows, as `tune` does, it is strict.

    Args:
        trials: how many configurations each was chosen from; those not named, one.

    Raises:
        ConfigError: trials are below 1.

    Source:
        Holm 1979, Scandinavian Journal of Statistics 6, 65-70. Dunn 1961, Journal of the American Statistical
        Association 56, 52-64, for the first step.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    >>> holm({"a": 0.001, "b": 0.04}, trials={"a": 30})
    {'a': 0.06, 'b': 0.06}
    """
    tried = dict.fromkeys(p_values, 1) | dict(trials or {})
    for name, count in tried.items():
        if count < 1:
            raise ConfigError(f"trials of {name} must be at least 1, got {count}.")
    first = {name: min(1.0, p * tried[name]) for name, p in p_values.items()}
    corrected: dict[str, float] = {}
    floor = 0.0
    for place, name in enumerate(sorted(first, key=first.__getitem__)):
        floor = max(floor, min(1.0, first[name] * (len(first) - place)))
        corrected[name] = floor
    return corrected


def verdicts(comparisons: Mapping[str, Comparison]) -> dict[str, str]:
    """For each model, whether it beats every baseline, in a sentence."""
    p_values = {name: found.p_value for name, found in comparisons.items() if found.p_value is not None}
    corrected = holm(p_values, {name: comparisons[name].trials for name in p_values})
    several = len(comparisons) > 1
    return {name: _sentence(name, found, corrected.get(name), several) for name, found in comparisons.items()}


def in_words(baseline: str) -> str:
    """A baseline as a sentence names it: "naive", "the sign table".

    >>> in_words("naive"), in_words("sign_table")
    ('naive', 'the sign table')
    """
    return NAMES.get(baseline) or f"the {baseline.replace('_', ' ')}"


def _sentence(name: str, found: Comparison, p: float | None, several: bool) -> str:
    numbers = f"{found.loss_name} {_digits(found.loss)} against {_digits(found.baseline_loss)}"
    rival, level = in_words(found.baseline), f"at the {ALPHA:.0%} level".replace("%", " %")
    if p is None:
        return f"{name} cannot be told from {rival}: the test gives no p ({numbers})."
    tried = f" for {found.trials:,} trials" if found.trials > 1 else ""
    numbers += f", {'corrected p' if several or tried else 'p'}{tried} = {p:.2g}"
    if p >= ALPHA:
        return f"{name} is no better than {rival} {level}: the difference could be chance ({numbers})."
    if found.loss > found.baseline_loss:
        return f"{name} is worse than {rival} {level} ({numbers})."
    return f"{name} beats {rival}, the best baseline, {level} ({numbers})."


def _digits(loss: float) -> str:
    """Four decimals, or four digits where these would say nothing: returns are small."""
    return f"{loss:.4f}" if 0.1 <= abs(loss) < 1e5 or loss == 0 else f"{loss:.4g}"
