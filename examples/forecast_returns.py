"""Forecast quantiles of the return over ten minutes on a simulated market, and compare them with the best baseline."""

import sys

from ostinato.data.simulator import simulate_trades
from ostinato.tasks.forecasting import Forecaster

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000

trades = simulate_trades(rows, seed=1)  # or a path: CSV, parquet
forecaster = Forecaster("gru", target="return", bars="1m", horizon=10).fit(trades)
print(forecaster.predict(trades, last=3))
# 1 - loss / loss of that baseline; above 0 the model is better
print(f"skill against the best baseline: {forecaster.score(trades):+.3f}")
