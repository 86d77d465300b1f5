"""Configuration of a run as far as config.json gives it: older runs give less, and nothing is trusted."""

from dataclasses import dataclass
from typing import Any

from ..runs.format import RunConfig

ROWS = {"trades": "trade", "bars": "bar", "table": "row"}
MOST_HORIZON = 10_000
NO_NAME = "the model"  # of a config that does not say which


@dataclass(frozen=True)
class Facts:
    """The parts of config.json that a page shows."""

    model: str
    target: str  # "direction", "return", or names of columns
    horizon: int  # rows ahead, the last of several
    several: bool  # whether each row was forecast at several horizons
    kind: str  # what a row is: "trade", "bar" or "row"
    step: float | None  # seconds from row to row
    source: str
    several_series: bool

    @classmethod
    def of(cls, config: RunConfig) -> "Facts":
        """Those of a run."""
        data = config.data
        target = _text(data.get("target")) or "direction"
        horizon = data.get("horizon")
        horizons = data.get("horizons")
        ahead = (
            [steps for value in horizons if (steps := _steps(value))] if isinstance(horizons, list) else []
        )
        last = max(ahead) if ahead else _steps(horizon) or 1
        step = data.get("step")
        return cls(
            model=_text(config.model.get("name")) or NO_NAME,
            target=target,
            horizon=last,
            several=len(ahead) > 1 or (not ahead and last > 1 and target not in ("direction", "return")),
            kind=ROWS.get(_text(data.get("kind")), "row"),
            step=float(step) if isinstance(step, int | float) and 0 < step < 1e10 else None,
            source=_text(data.get("source")),
            several_series=bool(_text(data.get("id"))),
        )

    @property
    def question(self) -> str:
        """What is forecast, as the end of "forecasts of …"."""
        return forecast_target(self.target, self.horizon, self.kind, self.several)


def forecast_target(target: str, horizon: int, kind: str, several: bool) -> str:
    """What is forecast, as the end of "forecasts of …".

    >>> forecast_target("return", 24, "bar", several=False)
    'the log return over the next 24 bars'
    """
    rows = kind if horizon == 1 else f"{horizon:,} {kind}s"
    if target == "direction":
        after = f"of the next {kind}" if horizon == 1 else f"{rows} on"
        return f"whether the price {after} is strictly higher"
    if target == "return":
        return f"the log return over the next {rows}"
    return f"{target}, {'at each of the' if several and horizon > 1 else 'at the'} next {rows}"


def title_of(target: str, model: str) -> str:
    """The heading of a page."""
    return {"direction": "Direction", "return": "Return"}.get(target, target) + f", foreseen by {model}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _steps(value: Any) -> int | None:
    """A horizon that can be one."""
    return value if type(value) is int and 1 <= value <= MOST_HORIZON else None
