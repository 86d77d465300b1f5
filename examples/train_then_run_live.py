"""Train an LSTM on a simulated market, then run it on later trades one at a time, with the same numbers as offline."""

import sys
import tempfile
from pathlib import Path

import torch

from ostinato.data.simulator import simulate_trades
from ostinato.tasks.forecasting import fit, panel_of, predict
from ostinato.tasks.forecasting.features import raw_rows

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000

with tempfile.TemporaryDirectory() as folder:
    done = fit(simulate_trades(rows), Path(folder) / "run", model="lstm")
print(
    f"log-loss {done.results.test['log_loss']:.4f}, sign table {done.results.baselines['sign_table']['log_loss']:.4f}"
)

later = simulate_trades(1000, seed=7)
offline = predict(done.run, later)["p_up"]

model, state, live = done.run.model, None, []
raw = raw_rows(done.run.recipe, panel_of(later, done.run.recipe))
with torch.inference_mode():
    for trade in raw:  # one at a time, as in production
        y, state = model(trade[None, None], state)
        live.append(float(y.sigmoid()))
print(f"largest difference between live and offline: {max(abs(offline - torch.tensor(live).numpy())):.1e}")
