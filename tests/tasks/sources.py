"""Files of every kind as they are found, and what may befall them after some moment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

START = 1_600_000_000  # a Sunday in September
HOUR = 3600


@dataclass(frozen=True)
class Kind:
    """A file, the recipe of a run on it, and the columns that the run reads of it."""

    make: Callable[[np.random.Generator], pl.DataFrame]
    recipe: dict[str, Any]
    used: tuple[str, ...]
    time: str = "time"
    options: dict[str, Any] = field(default_factory=dict)


def walk(generator: np.random.Generator, rows: int, size: float = 0.01) -> np.ndarray:
    """A price that wanders, (N,)."""
    return 100 * np.exp(size * generator.standard_normal(rows).cumsum())


def prices(generator: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """Open, high, low and close, (N,) each."""
    close = walk(generator, rows)
    opened = close * (1 + 0.002 * generator.standard_normal(rows))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.998
    return {"open": opened, "high": high, "low": low, "close": close}


def trades(generator: np.random.Generator) -> pl.DataFrame:
    """With ids and sides, which no run reads."""
    rows = 900
    time = START + np.round(generator.exponential(20.0, rows).cumsum(), 3)
    return pl.DataFrame(
        {
            "timestamp": time,
            "price": walk(generator, rows, 0.001),
            "amount": generator.exponential(1.0, rows),
            "side": generator.choice(["buy", "sell"], rows),
            "trade_id": np.arange(rows),
        }
    )


def kept(generator: np.random.Generator, time: np.ndarray, values: dict[str, Any]) -> pl.DataFrame:
    """All but one row in twenty."""
    frame = pl.DataFrame({"time": time} | values)
    return frame.filter(pl.Series(generator.random(len(time)) > 0.05) | pl.Series(np.arange(len(time)) < 2))


def gappy(generator: np.random.Generator) -> pl.DataFrame:
    """Bars of 10 minutes, one in twenty missing."""
    rows = 700
    time = START + 600 * np.arange(rows)
    return kept(generator, time, prices(generator, rows) | {"volume": generator.exponential(1.0, rows)})


def closing(generator: np.random.Generator) -> pl.DataFrame:
    """Hourly bars of a market that is open twenty hours a day, then seven hours on weekdays."""
    hours = START + HOUR * np.arange(24 * 60)
    day, hour = (hours // 86_400 + 3) % 7, hours % 86_400 // HOUR
    early = np.arange(len(hours)) < 24 * 20
    time = hours[np.where(early, hour < 20, (day < 5) & (hour >= 9) & (hour < 16))]
    values = prices(generator, len(time)) | {"volume": generator.exponential(1.0, len(time))}
    return pl.DataFrame({"time": time} | values)


def two_volumes(generator: np.random.Generator) -> pl.DataFrame:
    """Hourly bars with a volume in coins and one in dollars, which changed places in some rows, and two times."""
    rows = 700
    found = prices(generator, rows)
    coins = generator.exponential(5.0, rows)
    dollars = coins * found["close"] * np.exp(0.01 * generator.standard_normal(rows))
    swapped = generator.random(rows) < 0.3
    time = START + HOUR * np.arange(rows)
    return pl.DataFrame(
        {"unix": time, "date": pl.from_epoch(pl.Series(time)).dt.strftime("%Y-%m-%d %H:%M:%S")}
        | found
        | {
            "Volume BTC": np.where(swapped, dollars, coins),
            "Volume USD": np.where(swapped, coins, dollars),
            "symbol": "BTC/USD",
        }
    )


def shops(generator: np.random.Generator) -> pl.DataFrame:
    """Daily rows of three shops, some missing, with columns of numbers, one of text and one known in advance."""
    rows, frames = 260, []
    for place, name in enumerate(("north", "south", "west")):
        time = START // 86_400 * 86_400 + 86_400 * np.arange(20 * place, rows)
        values = {
            "shop": [name] * len(time),
            "sales": 50 + generator.standard_normal(len(time)).cumsum(),
            "visitors": 100 + generator.standard_normal(len(time)).cumsum(),
            "weather": generator.standard_normal(len(time)),
            "note": ["none"] * len(time),
            "price": generator.standard_normal(len(time)),
        }
        frames.append(kept(generator, time, values))
    return pl.concat(frames)


LOOKBACK = {"lags": [1, 2], "halflives": [4.0], "volatilities": [6.0]}
OHLC = ("open", "high", "low", "close")
RETURN = {"target": "return", "horizon": 2} | LOOKBACK
DIRECTION = {
    "target": "direction"
} | LOOKBACK  # of which volumes tell more, to a network that has learnt little
SALES = {"target": "sales", "horizon": 2, "id": "shop", "known": ["price"], "covariates": ["*"]} | LOOKBACK

KINDS = {
    "trades": Kind(trades, {"feature_windows": [4, 16]}, ("timestamp", "price", "amount"), "timestamp"),
    "bars of trades": Kind(trades, RETURN | {"bars": "1m"}, ("timestamp", "price", "amount"), "timestamp"),
    "bars on a grid": Kind(gappy, DIRECTION, ("time", *OHLC, "volume")),
    "bars of a market that closes": Kind(closing, RETURN, ("time", *OHLC, "volume")),
    "bars with two volumes": Kind(
        two_volumes, DIRECTION, ("unix", *OHLC, "Volume BTC", "Volume USD"), "unix"
    ),
    "longer bars": Kind(
        two_volumes, RETURN | {"bars": "2h"}, ("unix", *OHLC, "Volume BTC", "Volume USD"), "unix"
    ),
    "tables": Kind(
        shops, SALES | {"holidays": "US"}, ("time", "shop", "sales", "visitors", "weather", "price")
    ),
}


def cut(frame: pl.DataFrame, time: str, moment: float, generator: np.random.Generator) -> pl.DataFrame:
    """Nothing from some moment on."""
    return frame.filter(pl.col(time) < moment)


def thinned(frame: pl.DataFrame, time: str, moment: float, generator: np.random.Generator) -> pl.DataFrame:
    """A share of the rows from some moment on is lost."""
    lost = generator.random(len(frame)) < generator.uniform(0.2, 0.9)
    return frame.filter((pl.col(time) < moment) | ~pl.Series(lost))


def altered(frame: pl.DataFrame, time: str, moment: float, generator: np.random.Generator) -> pl.DataFrame:
    """Every number but the time is another one from some moment on."""
    late = pl.col(time) >= moment
    numbers = [name for name, kind in frame.schema.items() if kind == pl.Float64 and name != time]
    other = {name: pl.Series(np.exp(2 * generator.standard_normal(len(frame)))) for name in numbers}
    return frame.with_columns(
        pl.when(late).then(other[name]).otherwise(pl.col(name)).alias(name) for name in numbers
    )


def spread(frame: pl.DataFrame, time: str, moment: float, generator: np.random.Generator) -> pl.DataFrame:
    """Twice as much time passes from some moment on."""
    late = pl.col(time) >= moment
    slow = (moment + 2 * (pl.col(time) - moment)).cast(frame.schema[time])
    return frame.with_columns(pl.when(late).then(slow).otherwise(pl.col(time)).alias(time))


BEFALLEN = {"cut": cut, "thinned": thinned, "altered": altered, "spread": spread}


def written(frame: pl.DataFrame, path: Path) -> Path:
    """The frame as a CSV file."""
    frame.write_csv(path)
    return path
