"""Small runs on a simulated market, made once for all tests that only read them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contract.registry.models import MODEL_OPTIONS
from ostinato.data.simulator import simulate_trades
from ostinato.data.trades import Trades, make_trades
from ostinato.models import MODELS
from ostinato.tasks.forecasting import Fit, fit

DATA = {"feature_windows": [4, 16]}
TRAINING = {"epochs": 2, "streams": 4, "update_every": 32, "sampler": "streams"}


@dataclass(frozen=True)
class Small:
    """How the small runs are made, so that a test can make one of its own."""

    trades: Trades
    model: str = "lstm"

    def fit(self, out: Path, **changes: Any) -> Fit:
        """Everything as usual but for ``changes``."""
        usual = {"options": MODEL_OPTIONS[self.model], "training": TRAINING, "recipe": DATA}
        return fit(changes.pop("trades", self.trades), out, self.model, **(usual | changes))


def cut(trades: Trades, rows: int) -> Trades:
    """The first ``rows`` of some trades."""
    columns = (trades.time, trades.price, trades.amount, trades.id, trades.side)
    return make_trades(trades.report.source, *(column[:rows] for column in columns))


@pytest.fixture(scope="session")
def longer() -> Trades:
    return simulate_trades(rows=1_500, seed=3)


@pytest.fixture(scope="session")
def trades(longer) -> Trades:
    """1,200 of them: 840 to train on, 120 to validate on, 240 to test on."""
    return cut(longer, 1_200)


@pytest.fixture(scope="session")
def small(trades) -> Small:
    return Small(trades)


@pytest.fixture(scope="session", params=list(MODELS))
def fitted(request, trades, tmp_path_factory) -> Fit:
    """A run of each model."""
    return Small(trades, request.param).fit(tmp_path_factory.mktemp("runs") / request.param)


@pytest.fixture(scope="session")
def finished(trades, tmp_path_factory) -> Fit:
    """A run of the LSTM. Its folder is not to be written to: ``copied`` is."""
    return Small(trades).fit(tmp_path_factory.mktemp("runs") / "lstm")


@pytest.fixture
def copied(finished, tmp_path) -> Path:
    """The folder of ``finished``, to be spoilt."""
    return shutil.copytree(finished.run.folder.path, tmp_path / "run")
