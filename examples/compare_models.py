"""Compare three models with every baseline on the same rows, walk-forward; p-values are corrected for three models."""

import sys
import tempfile
from pathlib import Path

from ostinato.data.simulator import simulate_trades
from ostinato.tasks.forecasting import compare

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000

with tempfile.TemporaryDirectory() as folder:
    found = compare(simulate_trades(rows), Path(folder) / "compared", ["cnn", "tcn", "lstm"], folds=2)

print(f"{found.rows_scored:,} rows; the best baseline is {found.best_baseline}")
for name, one in {**found.models, **found.baselines}.items():
    low, high = one.intervals[found.measure]
    print(f"{name:12} {found.loss_name} {one.test[found.measure]:.4f}  (95 %: {low:.4f} to {high:.4f})")
for model in found.models.values():
    print(model.verdict)
