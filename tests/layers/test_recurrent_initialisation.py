"""Beginnings of recurrent layers: what is set, gate by gate, and what is left as it was.

Axes: H hidden features.
"""

import math
import re

import pytest
import torch
from torch import Tensor, nn

from ostinato.errors import ConfigError
from ostinato.layers import (
    GRU,
    LSTM,
    RNN,
    Chain,
    ContextGRU,
    CoupledLSTM,
    LayerNormGRU,
    LayerNormLSTM,
    LayerNormRNN,
    PeepholeLSTM,
)
from ostinato.layers.recurrent import Recurrent, chrono_, forget_bias_, identity_, orthogonal_

LAYERS = {
    "RNN": lambda: RNN(3, 5, 2, nonlinearity="relu"),
    "LSTM": lambda: LSTM(3, 5, 2, bidirectional=True),
    "LSTM-projected": lambda: LSTM(3, 5, proj_size=2),
    "PeepholeLSTM": lambda: PeepholeLSTM(3, 5, reverse=True),
    "CoupledLSTM": lambda: CoupledLSTM(3, 5),
    "GRU": lambda: GRU(3, 5),
    "GRU-renew": lambda: GRU(3, 5, update="renew", reset="before"),
    "ContextGRU": lambda: ContextGRU(3, 5, 4),
    "LayerNormRNN": lambda: LayerNormRNN(3, 5),
    "LayerNormLSTM": lambda: LayerNormLSTM(3, 5, 2),
    "LayerNormGRU": lambda: LayerNormGRU(3, 5),
}


def blocks(layer: Recurrent) -> list[Tensor]:
    """Of the recurrent weights, one for each gate of each layer and direction."""
    return [
        block
        for name, weight in layer.named_parameters()
        if name.startswith("weight_hh")
        for block in weight.detach().split(5)
    ]


def bias(layer: Recurrent, gate: str) -> Tensor:
    """What is added to a gate in all, layer after layer."""
    start = layer.gates.index(gate) * 5
    sums = [
        getattr(layer, f"bias_ih_{place}") + getattr(layer, f"bias_hh_{place}") for place in layer.suffixes
    ]
    return torch.cat([total.detach()[start : start + 5] for total in sums])


def others(layer: Recurrent, *touched: str) -> dict[str, Tensor]:
    return {
        name: parameter.detach().clone()
        for name, parameter in layer.named_parameters()
        if not name.startswith(touched)
    }


def unchanged(layer: Recurrent, before: dict[str, Tensor]) -> None:
    after = dict(layer.named_parameters())
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_orthogonal_blocks(make):
    layer = make().double()
    before = others(layer, "weight_hh")
    assert orthogonal_(layer, 1.5, torch.Generator().manual_seed(3)) is layer
    found = blocks(layer)
    assert len(found) == len(layer.gates) * len(layer.suffixes)
    for block in found:
        torch.testing.assert_close(block.T @ block, 2.25 * torch.eye(block.shape[1]).double())
    assert len(found) == 1 or not torch.equal(found[0], found[-1])
    unchanged(layer, before)
    again = orthogonal_(make().double(), 1.5, torch.Generator().manual_seed(3))
    assert torch.equal(again.weight_hh_l0, layer.weight_hh_l0)
    assert layer.weight_hh_l0.requires_grad


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_identities(make):
    layer = make()
    before = others(layer, "weight_hh", "bias")
    assert identity_(layer, 0.5) is layer
    for block in blocks(layer):
        assert torch.equal(block, 0.5 * torch.eye(5)[:, : block.shape[1]])
    assert not any(value.any() for name, value in layer.named_parameters() if name.startswith("bias"))
    unchanged(layer, before)
    identity_(type(layer)(3, 5, *[4] * isinstance(layer, ContextGRU), bias=False))


def test_an_irnn_remembers_without_loss_or_growth():
    layer = identity_(RNN(3, 5, nonlinearity="relu"))
    start = layer.state_type(torch.rand(2, 1, 5))
    y, state = layer(torch.zeros(2, 1000, 3), start)
    assert torch.equal(state.hidden, start.hidden)
    assert torch.equal(y, start.hidden.expand(2, 1000, 5))


@pytest.mark.parametrize("name", [name for name in LAYERS if "LSTM" in name])
def test_the_forget_bias_is_what_both_biases_make(name):
    layer = LAYERS[name]()
    rest = [gate for gate in layer.gates if gate != "forget"]
    before, weights = [bias(layer, gate) for gate in rest], others(layer, "bias_ih", "bias_hh")
    assert forget_bias_(layer, 2.0) is layer
    assert torch.equal(bias(layer, "forget"), torch.full((5 * len(layer.suffixes),), 2.0))
    assert all(torch.equal(bias(layer, gate), old) for gate, old in zip(rest, before, strict=True))
    unchanged(layer, weights)


def test_a_forget_bias_makes_the_memory_longer():
    def kept(value: float) -> float:
        layer = forget_bias_(LSTM(3, 5), value)
        for name in ("weight_ih_l0", "weight_hh_l0"):
            getattr(layer, name).data.zero_()
        start = layer.state_type(torch.zeros(1, 1, 5), torch.ones(1, 1, 5))
        other = layer.state_type(torch.zeros(1, 1, 5), torch.zeros(1, 1, 5))
        x = torch.zeros(1, 10, 3)
        return float((layer(x, start)[1].cell - layer(x, other)[1].cell).mean().detach())

    for value in (0.0, 1.0, 5.0):
        assert math.isclose(kept(value), (1 / (1 + math.exp(-value))) ** 10, rel_tol=1e-4)


@pytest.mark.parametrize("name", [name for name in LAYERS if "RNN" not in name])
def test_chrono_draws_times_up_to_the_longest(name):
    layer = LAYERS[name]()
    weights = others(layer, "bias_ih", "bias_hh")
    assert chrono_(layer, 50.0, torch.Generator().manual_seed(0)) is layer
    signs = {"GRU": 1, "GRU-renew": -1, "ContextGRU": -1, "LayerNormGRU": -1}
    gate = "update" if "GRU" in name else "forget"
    drawn = signs.get(name, 1) * bias(layer, gate)
    assert ((drawn >= 0) & (drawn <= math.log(49))).all()
    assert len(set(drawn.tolist())) == len(drawn)  # each unit, each layer its own
    if "input" in layer.gates:
        assert torch.equal(bias(layer, "input"), -drawn)
    unchanged(layer, weights)
    again = chrono_(LAYERS[name](), 50.0, torch.Generator().manual_seed(0))
    assert torch.equal(bias(again, gate), bias(layer, gate))


def test_chrono_times_are_even():
    layer = chrono_(GRU(1, 4000), 101, torch.Generator().manual_seed(0))
    times = (layer.bias_ih_l0 + layer.bias_hh_l0).detach()[4000:8000].exp()
    assert 1 <= float(times.min()) < 1.5
    assert 99.5 < float(times.max()) <= 100.001
    assert abs(float(times.mean()) - 50.5) < 1.5


WRONG = {
    "orthogonal": (
        lambda: orthogonal_(nn.Linear(3, 3)),
        "orthogonal_ takes one recurrent layer, got Linear.",
    ),
    "identity": (
        lambda: identity_(Chain(GRU(3, 5))),
        "identity_ takes one recurrent layer, got Chain. Of a chain",
    ),
    "forget": (lambda: forget_bias_(None), "forget_bias_ takes one recurrent layer, got NoneType."),
    "chrono": (lambda: chrono_("LSTM", 9), "chrono_ takes one recurrent layer, got str."),
    "no-forget-gate": (
        lambda: forget_bias_(GRU(3, 5)),
        "GRU has no forget gate, its gates are reset, update, candidate. Pass it to chrono_, which sets its update",
    ),
    "no-gates": (
        lambda: forget_bias_(RNN(3, 5)),
        "RNN has no forget gate, its gates are hidden. Pass an LSTM.",
    ),
    "no-retention-gate": (
        lambda: chrono_(RNN(3, 5), 9),
        "RNN has no gate that keeps its memory. Pass an LSTM or a GRU",
    ),
    "no-bias": (
        lambda: forget_bias_(LSTM(3, 5, bias=False)),
        "forget_bias_ sets biases, and this LSTM has none. Make it with bias=True.",
    ),
    "no-bias-chrono": (
        lambda: chrono_(GRU(3, 5, bias=False), 9),
        "chrono_ sets biases, and this GRU has none.",
    ),
    "longest": (lambda: chrono_(GRU(3, 5), 1.5), "longest must be a number of at least 2 steps, got 1.5."),
    "endless": (lambda: chrono_(GRU(3, 5), math.inf), "at least 2 steps, got inf."),
    "longest-text": (lambda: chrono_(GRU(3, 5), "9"), "at least 2 steps, got '9'."),
}


@pytest.mark.parametrize(("make", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_begun_so(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
