"""What kin of RNN, LSTM and GRU have to do with torch's layers and with each other; contexts; refusals.

Axes: B batch, T time steps, I input features, L layers, H hidden features, K features of a context.
"""

import copy
import re

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from layers.close import close, gradients
from ostinato.core import detach, leaves, named_leaves, state_from_leaves
from ostinato.core.stepper import ArrayStepper
from ostinato.errors import ConfigError, ShapeError, StateError, StreamingError
from ostinato.layers import (
    GRU,
    LSTM,
    ContextGRU,
    CoupledLSTM,
    LayerNormGRU,
    LayerNormLSTM,
    LayerNormRNN,
    PeepholeLSTM,
)
from ostinato.layers.recurrent import GivenContext


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def torch_twins(**options: object) -> tuple[LSTM, nn.LSTM]:
    torch.manual_seed(1)
    ours = LSTM(3, 5, proj_size=2, **options).double()
    theirs = nn.LSTM(3, 5, proj_size=2, batch_first=True, **options).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


SHAPES = [{}, {"num_layers": 3}, {"num_layers": 2, "bias": False}, {"num_layers": 2, "bidirectional": True}]


@pytest.mark.parametrize("options", SHAPES)
def test_a_projected_lstm_is_torch_s(options):
    ours, theirs = torch_twins(**options)
    theirs.load_state_dict(ours.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    lengths, live = torch.tensor([7, 0, 1, 4]), [0, 2, 3]
    x = normal(4, 7, 3)
    packed, (hidden, cell) = theirs(
        pack_padded_sequence(x[live], lengths[live], batch_first=True, enforce_sorted=False)
    )
    expected = [pad_packed_sequence(packed, batch_first=True, total_length=7)[0]]
    y, state = ours(x, None, lengths)
    found = [y[live]]
    if ours.streams:
        expected += [hidden.transpose(0, 1), cell.transpose(0, 1)]
        found += [state.hidden[live], state.cell[live]]
        assert not state.hidden[1].any()
        assert not state.cell[1].any()
    for values, truth in ((found, expected), ([ours(x)[0]], [theirs(x)[0]])):
        for a, b in zip(values, truth, strict=True):
            close(a, b)
        ours_slopes = gradients(values, [x, *ours.parameters()])
        for a, b in zip(ours_slopes, gradients(truth, [x, *theirs.parameters()]), strict=True):
            close(a, b)


def test_a_projected_lstm_in_float32_says_nothing_and_gives_the_same():
    ours, _ = torch_twins(num_layers=2)
    x, lengths = normal(4, 7, 3).detach(), torch.tensor([7, 0, 1, 4])
    y, state = copy.deepcopy(ours).float()(x.float(), None, lengths)
    expected, end = ours(x, None, lengths)
    for found, truth in zip([y, *state], [expected, *end], strict=True):
        torch.testing.assert_close(found.double(), truth, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_lstm_holds_its_cell_over_the_padding_to_the_bit(dtype):
    layer = LSTM(3, 5).to(dtype)
    start = [(1e6 * normal(3, 1, 5, seed=seed)).detach().to(dtype).requires_grad_() for seed in (1, 2)]
    start[0].data /= 1e6
    x, lengths = normal(3, 40, 3).to(dtype), torch.tensor([0, 0, 0])
    _, state = layer(x, layer.state_type(*start), lengths)
    assert all(torch.equal(after, before) for after, before in zip(state, start, strict=True))
    weight = torch.randn_like(state.cell)
    slopes = torch.autograd.grad((state.cell * weight).sum(), [start[1], *layer.parameters()])
    assert torch.equal(slopes[0], weight)
    assert not any(slope.any() for slope in slopes[1:])
    # beside a row that runs to the end
    state = layer(x, layer.state_type(*start), torch.tensor([0, 3, 40]))[1]
    assert torch.equal(state.cell[0], start[1][0])
    alone = layer(x[1:2, :3], layer.state_type(*(part[1:2] for part in start)))[1]
    torch.testing.assert_close(state.cell[1:2], alone.cell)


@pytest.mark.parametrize("reset", ["before", "after"])
def test_the_two_ways_to_write_the_update_gate_are_one(reset):
    keep, renew = (GRU(3, 5, 2, reset=reset, update=way).double() for way in ("keep", "renew"))
    renew.load_state_dict(keep.state_dict())
    for parameter in renew.parameters():
        parameter.data[5:10] *= -1
    x, lengths = normal(3, 7, 3), torch.tensor([7, 2, 0])
    close(keep(x, None, lengths)[0], renew(x, None, lengths)[0])
    one, other = keep.trace(x)[2], renew.trace(x)[2]
    close(one.update, 1 - other.update)
    close(one.hidden, other.hidden)


def test_the_place_of_the_reset_gate_matters():
    after, before = (GRU(3, 5, reset=place).double() for place in ("after", "before"))
    before.load_state_dict(after.state_dict())
    x = normal(2, 3, 3)
    assert not torch.allclose(after(x)[0], before(x)[0])
    for layer in (after, before):
        layer.bias_hh_l0.data.zero_()
    close(after(x[:, :1])[0], before(x[:, :1])[0])  # nothing to reset yet


def test_full_peepholes_that_are_diagonal_and_none_at_all():
    diagonal, full = (PeepholeLSTM(3, 5, peepholes=kind).double() for kind in ("diagonal", "full"))
    weights = {key: value for key, value in diagonal.state_dict().items() if key != "weight_ch_l0"}
    matrices = torch.cat([part.diag() for part in diagonal.weight_ch_l0.detach().split(5)])
    full.load_state_dict(weights | {"weight_ch_l0": matrices})
    x = normal(2, 7, 3)
    close(full(x)[0], diagonal(x)[0])
    plain = LSTM(3, 5).double()
    plain.load_state_dict(weights)
    assert not torch.allclose(plain(x)[0], diagonal(x)[0])
    diagonal.weight_ch_l0.data.zero_()
    close(diagonal(x)[0], plain(x)[0])


def test_weight_dropout_takes_peepholes_too():
    torch.manual_seed(0)
    layer = PeepholeLSTM(3, 40, weight_dropout=0.5).train()
    dropped = layer.cell("l0")
    kept = torch.cat([dropped.to_opening, dropped.to_output])
    assert 0.3 < (kept == 0).double().mean() < 0.7
    assert torch.equal(kept[kept != 0], 2 * layer.weight_ch_l0[kept != 0])


def test_how_many_parameters():
    def count(layer: nn.Module) -> int:
        return sum(parameter.numel() for parameter in layer.parameters())

    cell = count(LSTM(3, 5)) // 4
    assert count(CoupledLSTM(3, 5)) == 3 * cell
    assert count(PeepholeLSTM(3, 5)) == 4 * cell + 3 * 5
    assert count(PeepholeLSTM(3, 5, peepholes="full")) == 4 * cell + 3 * 5 * 5
    assert count(ContextGRU(3, 5, 4)) == 3 * cell + 3 * 5 * 4


@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_context_is_more_features_of_x(reset):
    layer = ContextGRU(3, 5, 4, reset=reset, bidirectional=True).double()
    beside = GRU(7, 5, reset=reset, update="renew", bidirectional=True).double()
    weights = dict(layer.state_dict())
    for place in layer.suffixes:
        context = weights.pop(f"weight_context_{place}")
        weights[f"weight_ih_{place}"] = torch.cat([weights[f"weight_ih_{place}"], context], dim=1)
    beside.load_state_dict(weights)
    x, context, lengths = normal(2, 6, 3), normal(2, 4, seed=1), torch.tensor([6, 2])
    expected = beside(torch.cat([x, context[:, None].expand(2, 6, 4)], dim=2), None, lengths)[0]
    y, state = layer(x, layer.begin(context), lengths)
    assert state == ()
    close(y, expected)
    close(gradients([y], [context])[0], gradients([expected], [context])[0])


@pytest.mark.parametrize("options", [{}, {"state_dropout": 0.3}, {"reset": "after"}])
def test_a_context_goes_with_the_state(options):
    layer = ContextGRU(3, 5, 4, 2, **options).double().train()
    x, context = normal(3, 8, 3), normal(3, 4, seed=1)
    begin = layer.begin(context)
    whole, end = layer(x, begin)
    start, middle = layer(x[:, :3], begin)
    rest, after = layer(x[:, 3:], state_from_leaves(begin, load(save(saved(middle)))))
    close(torch.cat([start, rest], dim=1), whole)
    memory = after.memory if layer.locked else after
    assert torch.equal(memory.context, context)
    for found, expected in zip(leaves(after), leaves(end), strict=True):
        close(found, expected)
    again = layer.reset_rows(end, torch.tensor([True, False, False]))
    memory = again.memory if layer.locked else again
    assert not memory.context[0].any()
    assert torch.equal(memory.context[1:], context[1:])
    stepper = layer.eval().stepper(3, layer.begin(context))
    expected = layer(x, layer.begin(context))[0]
    close(torch.stack([stepper.step(value) for value in x.detach().unbind(1)], dim=1), expected)


def saved(state: object) -> dict[str, Tensor]:
    return {name: leaf.detach().contiguous() for name, leaf in named_leaves(state).items()}


def test_a_decoder_teaches_its_encoder():
    encoder, decoder = GRU(3, 4).double(), ContextGRU(2, 5, 4, zoneout=0.0).double()
    _, end = encoder(normal(2, 6, 3), None, torch.tensor([6, 3]))
    y, state = decoder(normal(2, 5, 2), decoder.begin(end.hidden[:, -1]))
    y.sum().backward()
    assert all(parameter.grad.any() for parameter in encoder.parameters())
    assert detach(state).context.grad_fn is None


@pytest.mark.parametrize("make", [LayerNormRNN, LayerNormLSTM, LayerNormGRU])
def test_layer_norm_does_not_feel_the_size_of_the_weights(make):
    layer = make(3, 5).double()
    other = copy.deepcopy(layer)
    for scale, scaled in ((1e5, layer), (3e5, other)):  # so large that the number below the root is nothing
        scaled.weight_ih_l0.data *= scale
        scaled.weight_hh_l0.data *= scale
    x = normal(2, 6, 3)
    torch.testing.assert_close(layer(x)[0], other(x)[0], rtol=1e-8, atol=1e-8)


def test_layer_norm_begins_with_gain_1_and_bias_0():
    for name, parameter in LayerNormLSTM(3, 5, 2).named_parameters():
        if name.startswith(("gain", "bias")):
            assert torch.equal(parameter, torch.full_like(parameter, float(name.startswith("gain"))))
    names = {name for name, _ in LayerNormGRU(3, 5, bias=False).named_parameters()}
    assert names == {"weight_ih_l0", "weight_hh_l0", "gain_ih_l0", "gain_hh_l0"}


@pytest.mark.parametrize(
    ("make", "fast"),
    [
        (lambda: LSTM(3, 5), True),
        (lambda: LSTM(3, 5, proj_size=2), False),
        (lambda: GRU(3, 5), True),
        (lambda: GRU(3, 5, reset="before"), False),
        (lambda: GRU(3, 5, update="renew"), False),
        (lambda: LSTM(3, 5, zoneout=0.1), False),
        (lambda: PeepholeLSTM(3, 5), False),
        (lambda: ContextGRU(3, 5, 4, reset="after", update="keep"), False),
    ],
)
def test_fast_steps_only_where_they_know_the_cell(make, fast):
    layer = make().eval()
    assert isinstance(layer.stepper(), ArrayStepper) == fast
    x = torch.randn(1, 4, 3)
    stepper = layer.stepper()
    with torch.no_grad():
        torch.testing.assert_close(torch.cat([stepper.step(v) for v in x.unbind(1)]), layer(x)[0][0])


WRONG = {
    "projection": (lambda: LSTM(3, 5, proj_size=5), "at least 0 and less than hidden_size 5, got 5."),
    "projection-bool": (lambda: LSTM(3, 5, proj_size=True), "less than hidden_size 5, got True."),
    "projection-negative": (lambda: LSTM(3, 5, proj_size=-1), "got -1. 0 is no projection."),
    "reset": (lambda: GRU(3, 5, reset="Before"), "reset must be after or before (the recurrent product)"),
    "update": (lambda: GRU(3, 5, update=1), "update must be keep (the old state) or renew (it), got 1."),
    "peepholes": (lambda: PeepholeLSTM(3, 5, peepholes=True), "must be diagonal or full, got True."),
    "context": (lambda: ContextGRU(3, 5, 0), "context_size must be a whole number of at least 1, got 0."),
    "norm-of-one": (
        lambda: LayerNormGRU(3, 1),
        "hidden_size must be at least 2, got 1: the norm of a single",
    ),
    "norm-rnn": (lambda: LayerNormRNN(3, 5, nonlinearity="gelu"), "must be tanh or relu, got 'gelu'."),
    "zoneout": (lambda: ContextGRU(3, 5, 4, zoneout=(0.1, 0.2)), "one for each of hidden, got 2 rates."),
    "coupled": (lambda: CoupledLSTM(3, -5), "hidden_size must be a whole number of at least 1, got -5."),
}


@pytest.mark.parametrize(("make", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_made(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_contexts_that_are_none():
    layer = ContextGRU(3, 5, 4)
    wrong = {
        "context must be a tensor (batch, 4), one vector for each row, got (2, 5).": torch.zeros(2, 5),
        "context must be a tensor (batch, 4), one vector for each row, got (4,).": torch.zeros(4),
        "one vector for each row, got list.": [0.0] * 4,
        "context is torch.float64 on cpu, the weights of ContextGRU are torch.float32": torch.zeros(
            2, 4
        ).double(),
    }
    for sentence, context in wrong.items():
        with pytest.raises(ShapeError, match=re.escape(sentence)):
            layer.begin(context)
    with pytest.raises(StateError, match="state is for 3 rows, x has 2"):
        layer(torch.zeros(2, 4, 3), layer.begin(torch.zeros(3, 4)))
    with pytest.raises(StateError, match="not one of ContextGRU"):
        layer(torch.zeros(2, 4, 3), GivenContext(torch.zeros(2, 4)))
    whole = ContextGRU(3, 5, 4, reverse=True)
    with pytest.raises(StateError, match="state is for 3 rows, x has 2"):
        whole(torch.zeros(2, 4, 3), whole.begin(torch.zeros(3, 4)))
    with pytest.raises(StateError, match=re.escape("ContextGRU wants (2, 4)")):
        whole(torch.zeros(2, 4, 3), GivenContext(torch.zeros(2, 5)))
    with pytest.raises(StreamingError, match="ContextGRU needs the whole sequence"):
        whole(torch.zeros(2, 4, 3), layer.begin(torch.zeros(2, 4)))
