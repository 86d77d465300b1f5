"""Models learn what there is to learn."""

import pytest

from ostinato.data.simulator import simulate_trades
from ostinato.data.trades import read_trades
from ostinato.tasks.forecasting import fit

# the next trade of BTC/USD: log-loss at most, area under the curve at least
BARS = {"lstm": (0.602, 0.630), "cnn": (0.606, 0.618), "tcn": (0.606, 0.618)}


def test_an_lstm_beats_the_baselines_on_the_simulated_market(tmp_path):
    """Its metaorders leave more to know than the last four signs tell."""
    done = fit(
        simulate_trades(rows=20_000, seed=1),
        tmp_path / "run",
        options={"units": 32, "layers": 1, "dropout": 0.0},
        training={"epochs": 6, "streams": 16, "update_every": 32, "learning_rate": 1e-2},
    )
    ours, baselines = done.evaluation.test["log_loss"], done.evaluation.baselines
    assert ours < baselines["sign_table"]["log_loss"] - 0.01
    assert ours < baselines["base_rate"]["log_loss"] - 0.02
    assert done.evaluation.skill["sign_table"].statistic < -3


@pytest.mark.slow
@pytest.mark.parametrize("name", BARS)
def test_defaults_beat_the_sign_table_on_real_trades(real_data, tmp_path, name):
    done = fit(read_trades(real_data / "btcusd-trades.csv"), tmp_path / "run", name, seed=0)
    most, least = BARS[name]
    assert done.evaluation.test["log_loss"] <= most
    assert done.evaluation.test["auc"] >= least
    skill = done.evaluation.skill["sign_table"]
    assert skill.statistic < 0
    assert skill.p_value < 0.01
    assert done.finished.seconds < 60
