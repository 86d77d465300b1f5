"""Nothing that belongs to the process is moved by our calls, and threads give the weights of one alone."""

import os
import random
import signal
import threading
import warnings

import numpy as np
import pytest
import torch

from ostinato.checks import CHECKS, check_layer
from ostinato.data.simulator import simulate_trades
from ostinato.inspection import draw_cell, draw_reach, draw_wiring
from ostinato.layers import GRU, Conv1d, Dense
from ostinato.tasks.forecasting import Forecaster, compare, evaluate, fit, open_run, predict, tune

OPTIONS = {"units": 5, "dropout": 0.4}
TRAINING = {"epochs": 2, "input_noise": 0.1}


@pytest.fixture(scope="module")
def trades():
    return simulate_trades(1500, seed=1)


@pytest.fixture
def layer():
    return GRU(3, 4, num_layers=2, dropout=0.5, zoneout=0.1)


@pytest.fixture
def convolution():
    return Conv1d(3, 4, 2)


def globals_now():
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": repr(np.random.get_state(legacy=False)),
        "random": random.getstate(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "filters": list(warnings.filters),
        "environment": {
            name: os.environ[name] for name in os.environ if not name.startswith(("PYTEST_", "KMP_"))
        },
        "errors": np.geterr(),
        "handlers": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def same(before):
    after = globals_now()
    return [name for name in before if before[name] != after[name]]


@pytest.fixture
def kept():
    """What belongs to the process is after the test as it was before; what the test makes itself is made earlier."""
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    before = globals_now()
    yield
    assert same(before) == []


def test_fit_evaluate_and_predict_leave_the_process_alone(trades, tmp_path, kept):
    fit(trades, tmp_path / "run", "gru", options=OPTIONS, training=TRAINING, seed=1)
    run = open_run(tmp_path / "run")
    evaluate(run, trades)
    predict(run, trades)


def test_the_forecaster_leaves_the_process_alone(trades, kept):
    Forecaster("cnn", training={"epochs": 1}).fit(trades).predict(trades, last=3)


def test_compare_leaves_the_process_alone(trades, tmp_path, kept):
    compare(trades, tmp_path / "both", ["gru", "mlp"], training={"epochs": 1})


def test_tune_leaves_the_process_alone(trades, tmp_path, kept):
    tune(trades, tmp_path / "search", "mlp", trials=2, training={"epochs": 1})


class Drawing(Dense):
    """Draws whenever it is run, and makes no use of it."""

    def run(self, x, state, lengths):
        torch.rand(3)
        return super().run(x, state, lengths)


@pytest.fixture
def drawing():
    return Drawing(3, 4)


def test_checks_and_simulations_leave_the_process_alone(drawing, kept):
    check_layer(
        drawing, checks=[check for check in CHECKS if check.name in ("chunks_join", "future_is_unseen")]
    )
    simulate_trades(100, seed=2)


def test_drawings_leave_the_process_alone(layer, convolution, kept):
    draw_cell(layer)
    draw_wiring(layer)
    draw_reach(convolution)


def weights(path):
    return (path / "weights.safetensors").read_bytes()


def test_trainings_in_threads_are_those_of_one_alone(trades, tmp_path):
    """The same seed and others at once, with dropout and noise; a caller that draws meanwhile draws its own."""
    failed = []

    def train(name: str, seed: int) -> None:
        try:
            fit(trades, tmp_path / name, "gru", options=OPTIONS, training=TRAINING, seed=seed)
        except Exception as error:
            failed.append(error)

    for seed in (0, 1):
        train(f"alone-{seed}", seed)
    torch.manual_seed(4)
    expected = torch.rand(50)
    before = list(warnings.filters)
    torch.manual_seed(4)
    threads = [threading.Thread(target=train, args=(f"thread-{n}", n % 2)) for n in range(4)]
    [thread.start() for thread in threads]
    found = []
    while any(thread.is_alive() for thread in threads) and len(found) < 25:
        found.append(torch.rand(1))
        threads[0].join(0.01)
    [thread.join() for thread in threads]
    found += [torch.rand(1) for _ in range(50 - len(found))]
    assert not failed
    assert torch.equal(torch.cat(found), expected)
    assert list(warnings.filters) == before
    alone = [weights(tmp_path / f"alone-{seed}") for seed in (0, 1)]
    assert alone[0] != alone[1]
    assert [weights(tmp_path / f"thread-{n}") == alone[n % 2] for n in range(4)] == [True] * 4
