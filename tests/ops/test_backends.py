"""Kernels are asked in order; which one runs can be forced, asked and explained."""

import logging
import os
import subprocess
import sys

import pytest
import torch

from ostinato.core import kernels
from ostinato.core.kernels import Operation, order_kernels
from ostinato.errors import BackendError
from ostinato.layers import GRU, LSTM, ContextGRU, Conv1d, MinGRU, PeepholeLSTM
from ostinato.ops import backends, recurrent
from ostinato.ops.recurrent import LSTMCell, Weights

OPS = {"convolution", "context_gru", "gru", "lstm", "rnn", "scan", "transposed_convolution"}


class Kernel:
    """Refuses numbers above its limit."""

    def __init__(self, name, limit):
        self.name, self.limit = name, limit

    def refuses(self, number):
        return None if number <= self.limit else f"numbers above {self.limit}"


@pytest.fixture
def operations(monkeypatch):
    """None of the house's; the environment as it is, and the order of the house's as it was."""
    monkeypatch.delenv("OSTINATO_BACKEND", raising=False)
    monkeypatch.setattr(kernels, "_operations", {})
    monkeypatch.setattr(kernels, "_steps", {})


@pytest.fixture
def forced(monkeypatch):
    """A backend that is asked for, as if it had been before the import."""

    def force(name):
        monkeypatch.setenv("OSTINATO_BACKEND", name)
        order_kernels()

    yield force
    monkeypatch.undo()
    order_kernels()


def backend(op):
    return next(one for one in backends() if one.op == op)


def in_a_new_process(code: str, name: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"OSTINATO_BACKEND": name}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_an_unknown_name_lets_everything_be_imported_and_is_refused_at_the_first_use():
    code = """
import torch
from ostinato.layers import GRU
from ostinato.ops import backends
print({one.backend for one in backends()})
GRU(2, 3)(torch.zeros(1, 2, 2))
"""
    finished = in_a_new_process(code, "quantum")
    assert finished.stdout == "{'none'}\n"
    sentence = "OSTINATO_BACKEND is 'quantum', there are naive, torch. Unset it to let ostinato choose."
    assert finished.stderr.rstrip().endswith(f"BackendError: {sentence}")


@pytest.mark.parametrize(
    "layer", [GRU(2, 3), LSTM(2, 3), ContextGRU(2, 3, 4), MinGRU(2, 3), Conv1d(2, 3, 2), PeepholeLSTM(2, 3)]
)
def test_naive_is_honoured_and_gives_the_same_numbers(layer, forced):
    x = torch.randn(2, 5, 2)
    expected, _ = layer(x)
    forced("naive")
    assert {one.backend for one in backends() if one.op in OPS} == {"naive"}
    assert backend("gru").refused == {"torch": "OSTINATO_BACKEND=naive"}
    torch.testing.assert_close(layer(x)[0], expected)


def test_the_fastest_is_asked_first(operations):
    fast, slow = Kernel("fast", 5), Kernel("naive", 99)
    operation = Operation("double", fast, slow)
    assert operation.select(3) is fast
    assert operation.select(7) is slow
    assert operation.select(8) is slow
    assert backends() == [
        kernels.Backend("double", "fast", {"naive": "fast is faster"}, {"fast": {"numbers above 5": 2}})
    ]


def test_a_kernel_that_is_registered_is_asked_before_the_others(operations):
    operation = Operation("double", Kernel("naive", 99))
    native = Kernel("native", 5)
    operation.register(native)
    assert operation.select(3) is native
    assert operation.select(7).name == "naive"


def test_a_forced_kernel_is_asked_first_and_what_refuses_falls_back(operations, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "ostinato.kernels")
    other = Operation("other", Kernel("fast", 5), Kernel("naive", 99))
    operation = Operation("double", Kernel("fast", 5), Kernel("native", 2), Kernel("naive", 99))
    monkeypatch.setenv("OSTINATO_BACKEND", "native")
    order_kernels()
    assert [operation.select(number).name for number in (1, 4, 4, 9)] == ["native", "fast", "fast", "naive"]
    assert other.select(1).name == "fast"  # which has none of that name
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "double does not run on native: numbers above 2"),
        ("INFO", "double does not run on fast: numbers above 5"),
    ]


def test_nothing_runs_where_the_environment_names_nothing(operations, monkeypatch):
    operation = Operation("double", Kernel("fast", 5), Kernel("naive", 99))
    monkeypatch.setenv("OSTINATO_BACKEND", "slow")
    order_kernels()
    with pytest.raises(BackendError, match="OSTINATO_BACKEND is 'slow', there are fast, naive"):
        operation.select(1)


def test_a_layer_says_why_it_runs_step_by_step():
    def refused(layer, call=None):
        before = dict(backend("gru").refusals.get("torch", {}))
        (call or layer)(torch.randn(2, 3, 2))
        return [why for why, count in backend("gru").refusals["torch"].items() if count > before.get(why, 0)]

    layer = GRU(2, 3)
    assert refused(layer, layer.trace) == ["a trace hands out each step"]
    assert refused(GRU(2, 3, state_dropout=0.5)) == ["a mask drops parts of the state at each step"]
    assert refused(GRU(2, 3, zoneout=0.5)) == ["zoneout changes the state at each step"]


def test_an_lstm_with_a_projection_says_so():
    weights = Weights(torch.randn(12, 2), torch.randn(12, 2), None, None, torch.randn(2, 3))
    state = torch.zeros(1, 2), torch.zeros(1, 3)
    y, _ = recurrent.run(LSTMCell(weights), torch.randn(1, 4, 2), state, None)
    assert y.shape == (1, 4, 2)
    assert backend("lstm").refusals["torch"]["oneDNN knows no projections"] > 0


def test_a_stepper_that_refuses_says_why():
    GRU(3, 4).eval().bfloat16().stepper()
    assert backend("step of GRU").backend == "Stepper"
    assert backend("step of GRU").refusals["GRUStepper"]["arrays hold float32 or float64"] > 0


def test_every_op_is_there():
    assert {one.op for one in backends()} >= OPS
