"""What every recurrent layer can be asked for: regularisers, residual layers, the reverse direction, a look inside.

Axes: B batch, T time steps, I input features, L layers, H hidden features.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layers.close import close, gradients
from ostinato.core import detach, leaves, reverse_steps
from ostinato.errors import ConfigError, StreamingError
from ostinato.layers import GRU, LSTM, RNN
from ostinato.layers.recurrent import LockedState

KINDS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
CELLS = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cell_of(name: str, layer: nn.Module) -> nn.Module:
    """torch's cell with the weights of the first layer."""
    cell = CELLS[name](3, 5).double()
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    return cell


def parts_of(value: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


def step(cell: nn.Module, x: Tensor, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return parts_of(cell(x, parts if len(parts) > 1 else parts[0]))


@pytest.mark.parametrize("name", KINDS)
def test_zoneout_is_the_mean_outside_training(name):
    rates = (0.3, 0.6)[: 2 if name == "LSTM" else 1]
    layer = KINDS[name](3, 5, zoneout=rates).double().eval()
    cell, x = cell_of(name, layer), normal(2, 7, 3).requires_grad_()
    parts, expected = tuple(normal(2, 5, seed=1 + i) for i in range(len(rates))), []
    state = layer.state_type(*(part[:, None] for part in parts))
    for t in range(7):
        after = step(cell, x[:, t], parts)
        parts = tuple(
            rate * old + (1 - rate) * new for rate, old, new in zip(rates, parts, after, strict=True)
        )
        expected.append(parts[0])
    y, end = layer(x, state)
    close(y, torch.stack(expected, dim=1))
    for found, part in zip(leaves(end), parts, strict=True):
        close(found[:, 0], part)
    for a, b in zip(gradients([y], [x]), gradients([torch.stack(expected, dim=1)], [x]), strict=True):
        close(a, b)


@pytest.mark.parametrize("name", KINDS)
def test_zoneout_keeps_units_at_random_in_training(name):
    torch.manual_seed(0)
    layer = KINDS[name](3, 400, zoneout=0.3).double().train()
    x = normal(4, 1, 3)
    state = layer.state_type(*(normal(4, 1, 400, seed=i) for i in range(len(layer.state_type._fields))))
    once, again = (layer(x, state)[1] for _ in range(2))
    plain = layer.eval()
    plain.zoneout = (0.0,) * len(state)
    fresh = plain(x, state)[1]
    for kept, other, old, new in zip(once, again, state, fresh, strict=True):
        same = kept == old
        assert abs(same.double().mean() - 0.3) < 0.05
        close(torch.where(same, new, kept), new)
        assert not torch.equal(same, other == old)  # drawn anew


@pytest.mark.parametrize("name", KINDS)
def test_masks_are_drawn_once_per_sequence_and_live_in_the_state(name):
    torch.manual_seed(0)
    layer = KINDS[name](3, 5, 2, input_dropout=0.4, state_dropout=0.3).double().train()
    x = normal(3, 8, 3)
    fresh = layer.initial_state(3, torch.float64)
    assert isinstance(fresh, LockedState)
    assert fresh.inputs.shape == (3, 3 + 5)
    assert fresh.hidden.shape == (3, 2, 5)
    assert set(fresh.inputs.unique().tolist()) == {0.0, 1 / 0.6}
    assert len({tuple(row.tolist()) for row in fresh.hidden.flatten(1)}) == 3  # each row its own
    whole, end = layer(x, fresh)
    half, middle = layer(x[:, :3], fresh)
    rest, after = layer(x[:, 3:], middle)
    close(torch.cat([half, rest], dim=1), whole)
    for one, other in zip(leaves(after), leaves(end), strict=True):
        close(one, other)
    mask = torch.tensor([True, False, False])
    again = layer.reset_rows(end, mask)
    assert not torch.equal(again.inputs[0], end.inputs[0])
    assert torch.equal(again.inputs[1:], end.inputs[1:])
    assert not detach(layer.eval().initial_state(3)).inputs.ne(1).any()
    close(layer(x, layer.initial_state(3, torch.float64))[0], layer(x)[0])


@pytest.mark.parametrize(
    "rates", [{"input_dropout": 0.5}, {"state_dropout": 0.5}], ids=lambda rates: next(iter(rates))
)
@pytest.mark.parametrize("name", KINDS)
def test_masks_that_come_from_training_do_nothing_in_eval(name, rates):
    torch.manual_seed(2)
    layer = KINDS[name](3, 5, 2, **rates).double().train()
    _, state = layer(normal(4, 3, 3))
    plain = KINDS[name](3, 5, 2).double().eval()
    plain.load_state_dict(layer.state_dict())
    x = normal(4, 6, 3)
    y, after = layer.eval()(x, state)
    close(y, plain(x, state.memory)[0])
    assert torch.equal(after.inputs, state.inputs)
    assert torch.equal(after.hidden, state.hidden)


@pytest.mark.parametrize("name", KINDS)
def test_input_dropout_is_the_same_for_all_steps(name):
    layer = KINDS[name](3, 5, input_dropout=0.5).double().train()
    x = normal(4, 6, 3)
    state = layer.initial_state(4, torch.float64)
    plain = KINDS[name](3, 5).double()
    plain.load_state_dict(layer.state_dict())
    close(layer(x, state)[0], plain(x * state.inputs[:, None])[0])


@pytest.mark.parametrize("name", KINDS)
def test_state_dropout_is_heard_by_the_products_alone(name):
    torch.manual_seed(3)
    layer = KINDS[name](3, 5, state_dropout=0.5).double().train()
    x, state = normal(2, 6, 3), layer.initial_state(2, torch.float64)
    assert (state.hidden == 0).any()
    weights = layer.weights("l0")
    cell, parts, expected = cell_of(name, layer), tuple(p[:, 0] for p in state.memory), []
    for t in range(6):
        heard = parts[0] * state.hidden[:, 0]
        after = step(cell, x[:, t], (heard, *parts[1:]))
        if name == "GRU":  # torch's cell would keep what it hears; the layer keeps the whole state
            update = torch.sigmoid(
                F.linear(x[:, t], weights.from_input, weights.input_bias)
                + F.linear(heard, weights.from_hidden, weights.hidden_bias)
            )[:, 5:10]
            after = (after[0] + update * (parts[0] - heard),)
        parts = after
        expected.append(parts[0])
    close(layer(x, state)[0], torch.stack(expected, dim=1))


def test_weight_dropout_is_one_draw_for_each_call():
    torch.manual_seed(0)
    layer = LSTM(3, 40, weight_dropout=0.5).double().train()
    x = normal(2, 6, 3)
    dropped = layer.weights("l0").from_hidden
    assert abs((dropped == 0).double().mean() - 0.5) < 0.05
    close(dropped[dropped != 0], 2 * layer.weight_hh_l0[dropped != 0])
    torch.manual_seed(5)
    y, _ = layer(x)
    torch.manual_seed(5)
    other = copy.deepcopy(layer).eval()
    with torch.no_grad():
        other.weight_hh_l0.copy_(layer.weights("l0").from_hidden)
    close(y, other(x)[0])
    assert torch.equal(layer.eval().weights("l0").from_hidden, layer.weight_hh_l0)
    layer.train()(x)[0].sum().backward()
    assert layer.weight_hh_l0.grad is not None


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_residual_layers_add_their_input_but_the_first(name, bidirectional):
    layer = KINDS[name](3, 5, 3, residual=True, bidirectional=bidirectional).double()
    x, lengths = normal(2, 7, 3), torch.tensor([7, 4])
    y = x
    for place in range(3):
        one = KINDS[name](y.shape[2], 5, bidirectional=bidirectional).double()
        one.load_state_dict(
            {
                key.replace(f"_l{place}", "_l0"): value
                for key, value in layer.state_dict().items()
                if f"_l{place}" in key
            }
        )
        out, _ = one(y, None, lengths)
        y = out + y if place else out
    close(layer(x, None, lengths)[0], y)


@pytest.mark.parametrize("name", KINDS)
def test_reverse_is_the_layer_on_each_row_from_its_end(name):
    layer = KINDS[name](3, 5, 2, reverse=True).double()
    plain = KINDS[name](3, 5, 2).double()
    plain.load_state_dict(layer.state_dict())
    x, lengths = normal(3, 7, 3), torch.tensor([7, 3, 0])
    expected = reverse_steps(plain(reverse_steps(x, lengths), None, lengths)[0], lengths)
    y, state = layer(x, None, lengths)
    close(y, expected)
    assert state == ()
    close(layer(x)[0], plain(x.flip(1))[0].flip(1))
    with pytest.raises(StreamingError, match=f"{name} needs the whole sequence"):
        layer(x, plain(x)[1])


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"reverse": True}, {"state_dropout": 0.4}])
@pytest.mark.parametrize("name", KINDS)
def test_a_trace_changes_nothing_and_ends_where_the_layer_does(name, options):
    layer = KINDS[name](3, 5, 2, **options).double().eval()
    x, lengths = normal(3, 7, 3), torch.tensor([7, 3, 0])
    y, state = layer(x, None, lengths)
    traced, after, seen = layer.trace(x, None, lengths)
    close(traced, y)
    for one, other in zip(leaves(after), leaves(state), strict=True):
        close(one, other)
    sizes = 10 if options.get("bidirectional") else 5
    assert all(field.shape == (3, 7, 2, sizes) for field in seen)
    assert not any(field[1, 3:].any() or field[2].any() for field in seen)
    close(seen.hidden[:, :, 1], y)
    close(layer.trace(x)[2].hidden[:, :, 1], layer(x)[0])
    assert layer.trace(x[:, :0])[2].hidden.shape == (3, 0, 2, sizes)


def test_a_trace_holds_the_gates_of_the_equations():
    layer, x = LSTM(3, 5).double(), normal(2, 4, 3)
    _, _, seen = layer.trace(x)
    weights, hidden, cell = layer.weights("l0"), torch.zeros(2, 5).double(), torch.zeros(2, 5).double()
    for t in range(4):
        total = (
            x[:, t] @ weights.from_input.T
            + weights.input_bias
            + hidden @ weights.from_hidden.T
            + weights.hidden_bias
        )
        enter, forget, new, leave = total.split(5, dim=1)
        enter, forget, new, leave = enter.sigmoid(), forget.sigmoid(), new.tanh(), leave.sigmoid()
        cell = forget * cell + enter * new
        hidden = leave * cell.tanh()
        expected = (enter, forget, new, leave, cell, hidden)
        for found, value in zip(seen, expected, strict=True):
            close(found[:, t, 0], value)


WRONG = {
    "rate-above": ({"zoneout": 1.0}, "zoneout must be a number of at least 0 and less than 1, got 1.0."),
    "rates": (
        {"zoneout": (0.1, 0.2, 0.3)},
        "zoneout must be one rate, or one for each of hidden, cell, got 3 rates.",
    ),
    "text": (
        {"input_dropout": "0.5"},
        "input_dropout must be a number of at least 0 and less than 1, got '0.5'.",
    ),
    "negative": (
        {"state_dropout": -0.1},
        "state_dropout must be a number of at least 0 and less than 1, got -0.1.",
    ),
    "bool": (
        {"weight_dropout": True},
        "weight_dropout must be a number of at least 0 and less than 1, got True.",
    ),
    "both": ({"bidirectional": True, "reverse": True}, "Ask for one of bidirectional and reverse."),
}


@pytest.mark.parametrize(("options", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_asked_for(options, sentence):
    with pytest.raises(ConfigError) as caught:
        LSTM(3, 5, **options)
    assert sentence in str(caught.value)
