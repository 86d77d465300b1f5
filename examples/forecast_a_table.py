"""Forecast the load of two cities for the next day, from a pandas table with ids and a column known in advance."""

import sys

import numpy as np
import pandas as pd

from ostinato.tasks.forecasting import Forecaster

days = int(sys.argv[1]) if len(sys.argv) > 1 else 120

hours = pd.date_range("2024-01-01", periods=24 * days, freq="h", tz="UTC")
random = np.random.default_rng(0)


def city(name: str, size: float) -> pd.DataFrame:
    """Load with a daily cycle, lower on days off, with noise that is correlated over hours."""
    off = (hours.day_of_week >= 5) | (random.random(days) < 0.05).repeat(24)
    noise = pd.Series(random.normal(0, 0.05, len(hours))).ewm(halflife=6).mean()
    load = size * (1 + 0.3 * np.sin(2 * np.pi * (hours.hour - 8) / 24) - 0.2 * off + noise)
    return pd.DataFrame({"time": hours, "city": name, "load": load, "off": off.astype(float)})


table = pd.concat([city("Ulm", 100.0), city("Bern", 140.0)], ignore_index=True)
table.loc[table["time"] >= hours[-24], "load"] = np.nan  # tomorrow: only the known column is filled

forecaster = Forecaster("gru", target="load", horizon=24, id="city", known=["off"]).fit(table)
tomorrow = forecaster.predict(table, last=1)
print(tomorrow[tomorrow["horizon"].isin([1, 12, 24])][["id", "horizon", "q10", "q50", "q90"]].round(1))
for name, metrics in {"gru": forecaster.results_.test, **forecaster.results_.baselines}.items():
    print(f"{name:22} pinball loss {metrics['pinball']:.3f} (in units of the naive change)")
