"""The one table of metrics: how each is stored, named, directed, written and defined.

Every table, page and sentence takes names and directions of metrics from here. Keys are those of metrics.json; folders
of earlier versions have them, so they never change. The formulas stand in ``evaluation``: ``losses.py`` (each loss by
row and in bulk), ``metrics.py`` and ``quantile_metrics.py``.

This file lies beside the format of run folders, below ``evaluation``, so that listing runs need not load SciPy.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

LOWER, HIGHER, NEITHER = "lower is better", "higher is better", ""
MEASURES = ("log_loss", "pinball", "mse")  # metrics that may be tested: each the mean of a loss by row
SINGLE_CLASS = "auc"  # null, though its key is there, where all scored rows are of one class

_BAND = re.compile(r"(coverage|width)_(\d{1,2})")


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        key: its name in metrics.json.
        label: heading of a column.
        definition: a clause that follows the label; "" for a metric that is not known here.
        better: LOWER, HIGHER, NEITHER, or in words what it should be.
        unit: whether it is a number in the unit of the data (or without one), or a share of rows.
        loss: what a sentence calls it as the tested loss; the label if empty.
        narrow: heading in a table of few characters; the label if empty.
    """

    key: str
    label: str
    definition: str
    better: str = LOWER
    unit: Literal["number", "share"] = "number"
    loss: str = ""
    narrow: str = ""

    @property
    def loss_name(self) -> str:
        """As a sentence names it."""
        return self.loss or self.label

    @property
    def heading(self) -> str:
        """As a table in a terminal names it."""
        return self.narrow or self.label


# In the order of columns on a page. A new metric needs a line here and its formula in `evaluation`, nothing else.
TABLE = (
    Metric(
        "log_loss", "log-loss", "the mean of −ln of the probability that was given to what happened, in nats."
    ),
    Metric(
        "pinball",
        "pinball",
        "the mean over the quantile levels a of a·e where the error e = value − quantile is positive, and (a − 1)·e "
        "where it is not.",
        loss="pinball loss",
    ),
    Metric(
        "crps",
        "CRPS",
        "the continuous ranked probability score: twice the pinball loss integrated over all levels, here by the "
        "trapezoidal rule between the levels forecast.",
    ),
    Metric(
        "auc",
        "AUC",
        "the chance that a row that went up was given a higher probability than one that did not; 0.5 is a coin.",
        HIGHER,
    ),
    Metric("brier", "Brier", "the mean squared distance of the probability from 1 (up) or 0 (not up)."),
    Metric(
        "accuracy",
        "accuracy",
        "the share of rows where “the probability is above one half” agreed with what happened. Worth little beside "
        "the base rate: where few rows go up, saying “never” is nearly always right.",
        HIGHER,
        "share",
    ),
    Metric("mae", "MAE", "the mean absolute error of the median."),
    Metric(
        "mse",
        "MSE",
        "the mean squared error of the point forecast, the median where quantiles are forecast.",
        loss="squared error",
    ),
    Metric("rmse", "RMSE", "the square root of the MSE."),
    Metric(
        "mase",
        "MASE",
        "the MAE over that of the naive forecast on the training rows: of a level the (seasonal) one, where for many "
        "steps ahead it may be above 1 although the forecast is good; of a return that of no change, as far ahead.",
    ),
    Metric(
        "scaled_mse",
        "scaled MSE",
        "the MSE over the variance of the values in the whole training part, as the literature scales it.",
    ),
)
_BY_KEY = {metric.key: metric for metric in TABLE}
_ORDER = [*_BY_KEY, "coverage", "width"]

# Further columns in a terminal by the measure, the most useful first; as many are shown as it is wide.
RUN_COLUMNS = {
    "log_loss": ("auc", "brier", "accuracy"),
    "pinball": ("crps", "mae", "coverage_80"),
    "mse": ("mae", "mase", "scaled_mse"),
}
COMPARISON_COLUMNS = {
    "log_loss": ("auc", "accuracy", "brier"),
    "pinball": ("coverage_80", "scaled_mse", "mae", "crps"),
    "mse": ("scaled_mse", "mae", "mase"),
}
LIVE_COLUMNS = {"log_loss": ("brier", "auc", "accuracy"), "pinball": ("mae", "rmse"), "mse": ("mae", "rmse")}


def metric_of(key: str) -> Metric:
    """The metric of a key. One that is not in the table has its name only.

    >>> metric_of("coverage_80").label, metric_of("top_5").label
    ('coverage 80 %', 'top 5')
    """
    band = _BAND.fullmatch(key)
    if band is None:
        return _BY_KEY.get(key) or Metric(key, key.replace("_", " "), "", NEITHER)
    share = f"{band[2]} %"
    if band[1] == "coverage":
        return Metric(
            key,
            f"coverage {share}",
            f"the share of values within the {share} interval; the nearer to {share} the better.",
            f"should be {share}",
            "share",
            narrow=f"in {band[2]}%",
        )
    definition = f"the mean width of the {share} interval; narrow is good only with coverage."
    return Metric(key, f"width {share}", definition, NEITHER)


def loss_name(measure: str) -> str:
    """The tested loss as a sentence names it, by the key of its mean."""
    return metric_of(measure).loss_name


def ordered(measure: str, keys: Iterable[str]) -> list[str]:
    """Keys as columns, each once: the measure, then those of the table in its order, then the others."""

    def place(key: str) -> tuple[int, int]:
        family = re.sub(r"_\d{1,2}$", "", key)
        return (0 if key == measure else 1, _ORDER.index(family) if family in _ORDER else len(_ORDER))

    return sorted(dict.fromkeys(keys), key=place)


def definitions(keys: Iterable[str]) -> dict[str, str]:
    """What each metric means, in a sentence or two, by label; those that are not in the table are left out."""
    found = {}
    for metric in map(metric_of, keys):
        if metric.definition:
            better = f" {_capital(metric.better)}." if metric.better in (LOWER, HIGHER) else ""
            found[metric.label] = _capital(metric.definition) + better
    return found


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
