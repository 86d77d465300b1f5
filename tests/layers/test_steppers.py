"""The steppers of layers over long streams, where their buffers wrap, and on the modules that they call."""

import copy
import io
import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from contract.inputs import bars, levels, trades
from contract.registry.models import MODEL_OPTIONS, RECIPES, forecast
from ostinato.core import Stepper, leaves
from ostinato.errors import StreamingError
from ostinato.layers import (
    GRU,
    LSTM,
    RNN,
    BarShape,
    Chain,
    Conv1d,
    Delay,
    Dense,
    LevelFeatures,
    Pointwise,
    Quantiles,
    Residual,
    RunningScale,
    TradeFeatures,
    Windowed,
)
from ostinato.layers.steppers.anchored import standard_of
from ostinato.layers.steppers.features import Extremes
from ostinato.tasks.forecasting.model import forecast_model
from ostinato.tasks.forecasting.recipe import Recipe

STEPS = 400


def normal(batch, steps, generator):
    return torch.randn(batch, steps, 3, generator=generator, dtype=torch.float64)


def rising(batch, steps, generator):
    """Trades of which each is dearer than all before: nothing is ever dropped for a higher one."""
    x = trades(batch, steps, generator)
    x[..., 1] = 6000 + torch.arange(steps)
    return x


def module() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(21, 5), nn.LeakyReLU(0.2), nn.Dropout(0.5), nn.Linear(5, 2))


LONG = {
    "convolution": (lambda: Conv1d(3, 4, 3, dilation=5), normal),
    "weight norm": (lambda: weight_norm(Conv1d(3, 4, 4, bias=False)), normal),
    "delay": (lambda: Delay(3, 70), normal),
    "window": (lambda: Windowed(module(), 7, 3, 2), normal),
    "window of a module unknown": (lambda: Windowed(nn.Sequential(module(), nn.Softplus()), 7, 3, 2), normal),
    "residual": (lambda: Residual(Chain(Conv1d(3, 3, 9, latency=2), GRU(3, 3))), normal),
    "rnn": (lambda: RNN(3, 4, 2, bias=False), normal),
    "lstm": (lambda: LSTM(3, 4, 3, bias=False), normal),
    "gru": (lambda: GRU(3, 4, 2, bias=False), normal),
    "trades": (lambda: TradeFeatures((2, 9, 100)), trades),
    "trades in one window": (lambda: TradeFeatures((5,)), trades),
    "rising trades": (lambda: TradeFeatures((3, 11)), rising),
    "levels": (lambda: LevelFeatures(2, (1, 50), (4, math.inf), (3, 9), scale=12), levels),
    "levels without means": (lambda: LevelFeatures(2, (), (), (5,)), levels),
    "scale": (lambda: RunningScale(2, 30), levels),
    "bars": (lambda: BarShape(6, halflife=20), bars),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("name", LONG)
def test_long_streams(name, batch):
    torch.manual_seed(0)
    make, draw = LONG[name]
    layer = make().double().eval()
    x = draw(batch, STEPS, torch.Generator().manual_seed(1))
    whole, end = layer(x)
    stepper = layer.stepper(batch, dtype=torch.float64)
    assert type(stepper) is not Stepper
    found, exported = [], {}
    for place in range(STEPS):
        if place in (1, 63, 64, 130, 333):
            exported[place] = stepper.state
        found.append(stepper.step(x[:, place]))
    torch.testing.assert_close(torch.stack(found, 1), whole, rtol=1e-9, atol=1e-11)
    for leaf, other in zip(leaves(stepper.state), leaves(end), strict=True):
        assert leaf.dtype == other.dtype
        torch.testing.assert_close(leaf, other, rtol=1e-10, atol=1e-12)
    for place, state in exported.items():
        again = layer.stepper(batch, state, torch.float64)
        assert all(torch.equal(again.step(x[:, later]), found[later]) for later in range(place, STEPS))


@given(
    st.lists(st.sampled_from([-1.5, 0.0, 0.5, 2.0, 3.0, math.inf]), min_size=1, max_size=120),
    st.integers(1, 12),
)
def test_extremes_are_those_of_every_window(values, memory):
    extremes = Extremes(memory)
    for place, value in enumerate(values):
        extremes.push(place, value)
        for window in range(1, memory + 1):
            assert extremes.largest(place + 1 - window) == max(values[max(place + 1 - window, 0) : place + 1])
    assert len(extremes.values) <= 2 * memory + 16


def test_what_is_not_finite_goes_through_as_in_the_layer():
    """Prices of 0, infinite and missing ones: no warning, no crash, the same numbers."""
    x = trades(1, 12, torch.Generator().manual_seed(2))
    x[0, 3, 1], x[0, 4, 2], x[0, 5, 1], x[0, 6, 0] = 0.0, -1.0, math.inf, math.inf
    x[0, 8, 1], x[0, 9, 2], x[0, 10, 0] = math.nan, math.nan, math.nan
    for layer in (TradeFeatures((2, 4)), Chain(TradeFeatures((2,)), LSTM(7, 3))):
        layer = layer.double().eval()
        stepper = layer.stepper()
        found = torch.stack([stepper.step(x[:, place]) for place in range(12)], 1)
        torch.testing.assert_close(found, layer(x)[0], equal_nan=True)


def test_a_parametrised_weight_is_read_once():
    layer = weight_norm(Conv1d(3, 4, 2)).eval()
    stepper, x = layer.stepper(), torch.randn(1, 3)
    expected = layer(x[:, None])[0][:, 0]
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(3)
    torch.testing.assert_close(stepper.step(x), expected)


class Counting(nn.Module):
    """Somebody's module: it is called, once a step, with what the layer would give it."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x):
        self.shapes.append(tuple(x.shape))
        return x.relu_() if x.dim() == 3 and x.shape[1] == 1 else x.sum(1)


def test_a_users_module_is_called_as_it_is():
    counting = Counting()
    stepper = Windowed(counting, 4, 3, 3).eval().stepper(2)
    for _ in range(3):
        y = stepper.step(torch.ones(2, 3))
    assert counting.shapes == [(2, 4, 3)] * 3
    assert torch.equal(y, torch.full((2, 3), 3.0))
    counting = Counting()
    stepper, x = Pointwise(counting).eval().stepper(2), -torch.ones(2, 3)
    assert torch.equal(stepper.step(x), torch.zeros(2, 3))
    assert torch.equal(x, -torch.ones(2, 3))
    assert counting.shapes == [(2, 1, 3)]


def test_a_module_with_a_hook_is_called():
    seen = []
    layer = Dense(3, 2).eval()
    layer.module.register_forward_hook(lambda module, x, y: seen.append(y))
    layer.stepper().step(torch.ones(1, 3))
    assert len(seen) == 1


@pytest.mark.parametrize("quantities", [1, 3])
def test_quantiles_on_arrays(quantities):
    torch.manual_seed(3)
    output = Quantiles(quantities, (0.1, 0.3, 0.5, 0.9))
    output.fit(torch.randn(500, quantities).double() * 3)
    numbers = 4 * torch.randn(5, output.input_size, dtype=torch.float64)
    found = standard_of(output)(numbers.numpy())
    torch.testing.assert_close(torch.from_numpy(found), output.standard(numbers), rtol=1e-12, atol=1e-12)


def plain(stepper: Stepper) -> list[str]:
    """The layers within that are stepped by their own ``run``."""
    if type(stepper) is Stepper:
        return [type(stepper.layer).__name__]
    return [name for part in getattr(stepper, "parts", []) for name in plain(part)]


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("name", MODEL_OPTIONS)
def test_every_part_of_a_forecast_has_a_stepper_of_its_own(kind, name):
    assert plain(forecast(kind, name).eval().stepper()) == []


def test_one_stepper_of_a_whole_forecast_does_not_disturb_another():
    model = forecast_model(Recipe(feature_windows=(3, 8)), "lstm", {"units": 5, "layers": 2}).eval()
    x = trades(2, 90, torch.Generator().manual_seed(4))
    first, second = model.stepper(), model.stepper()
    pairs = [(first.step(x[:1, place]), second.step(x[1:, place])) for place in range(90)]
    found = torch.stack([torch.cat(pair) for pair in pairs], 1)
    torch.testing.assert_close(found, model(x)[0], rtol=1e-5, atol=1e-6)


WAYS = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda stepper: pickle.loads(pickle.dumps(stepper)),
    "torch.save": lambda stepper: saved_and_loaded(stepper),
}


def saved_and_loaded(stepper: Stepper) -> Stepper:
    file = io.BytesIO()
    torch.save(stepper, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LONG)
def test_copies_of_long_streams(name, way):
    """In mid-stream, past where buffers wrap: the same bits, and neither disturbs the other."""
    torch.manual_seed(0)
    make, draw = LONG[name]
    layer, x = make().double().eval(), draw(2, 150, torch.Generator().manual_seed(1))
    stepper = layer.stepper(2, dtype=torch.float64)
    for place in range(75):
        stepper.step(x[:, place])
    if name == "weight norm" and way in ("pickle", "torch.save"):
        with pytest.raises(RuntimeError, match="parametrized modules is only supported through state_dict"):
            WAYS[way](stepper)
        return
    twin = WAYS[way](stepper) if way == "copy" else WAYS[way]([stepper])[0]
    pairs = [(twin.step(x[:, place]), stepper.step(x[:, place])) for place in range(75, 150)]
    assert all(torch.equal(found, expected) for found, expected in pairs)
    alone = layer(x)[0][:, 75:]
    torch.testing.assert_close(torch.stack([y for y, _ in pairs], 1), alone, rtol=1e-9, atol=1e-11)


def test_a_copy_keeps_the_weights_that_the_stepper_read():
    layer, x = LSTM(3, 4).eval(), torch.randn(1, 3)
    model = nn.ModuleList([layer])
    stepper = layer.stepper()
    twin = copy.deepcopy(stepper)
    together = copy.deepcopy([model, stepper])
    assert together[1].layer is together[0][0]
    with torch.no_grad():
        layer.weight_hh_l0.add_(1)
    expected = stepper.step(x)
    assert torch.equal(twin.step(x), expected)
    assert torch.equal(together[1].step(x), expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_stepper_of_other_weights_is_not_copied(way):
    layer = Chain(Conv1d(3, 4, 3), GRU(4, 2)).eval()
    stepper = layer.stepper()
    layer.layers[1].weight_hh_l0.data.mul_(2)  # no version counter sees this
    with pytest.raises(
        StreamingError, match=r"trained or loaded after .* stepper\(\) in eval\(\), and restore\(\)"
    ):
        WAYS[way](stepper)
    stepper = layer.stepper()
    layer.train()
    with pytest.raises(StreamingError, match="trained or loaded"):
        WAYS[way](stepper)
