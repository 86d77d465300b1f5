"""Names of baselines in sentences and headings, and digits of losses."""

BASELINE_NAMES = {
    "naive": "naive",
    "seasonal_naive": "seasonal naive",
    "drift": "the drift",
    "exponential_smoothing": "exponential smoothing",
    "linear": "linear regression",
    "logistic": "logistic regression",
    "ewma_quantiles": "the EWMA quantiles",
}


def baseline_phrase(baseline: str) -> str:
    """A baseline as a sentence names it.

    >>> baseline_phrase("naive"), baseline_phrase("sign_table")
    ('naive', 'the sign table')
    """
    return BASELINE_NAMES.get(baseline) or f"the {baseline.replace('_', ' ')}"


def baseline_label(baseline: str) -> str:
    """A baseline as a heading or a cell names it.

    >>> baseline_label("ewma_quantiles"), baseline_label("sign_table")
    ('EWMA quantiles', 'sign table')
    """
    return baseline_phrase(baseline).removeprefix("the ")


def loss_digits(loss: float) -> str:
    """Four decimals, or four digits where these would say nothing: returns are small."""
    return f"{loss:.4f}" if 0.1 <= abs(loss) < 1e5 or loss == 0 else f"{loss:.4g}"
