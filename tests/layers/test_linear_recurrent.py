"""Linear recurrences against the equations of their papers, step by step from a state that is not zero.

Axes: B batch, T time steps, I input features, H hidden features.
"""

import cmath
import math
import re

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from layers.close import close, gradients
from ostinato.core import SequenceLayer, leaves
from ostinato.errors import ConfigError
from ostinato.layers import LRU, QRNN, SRU, Chain, MinGRU, MinLSTM
from ostinato.layers.linear_recurrent import LinearRecurrent

FEATURES, H = 3, 5


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def g(a: Tensor) -> Tensor:
    return torch.stack([number + 0.5 if number >= 0 else number.sigmoid() for number in a.flatten()]).view_as(
        a
    )


def min_gru(layer: MinGRU, x: Tensor, hidden: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
    update, candidate = (x @ layer.projection.weight.T + layer.projection.bias).split(H, dim=1)
    z, c = update.sigmoid(), g(candidate) if layer.candidate == "positive" else candidate
    h = (1 - z) * hidden + z * c
    return {"update": z, "candidate": c, "hidden": h}, [h]


def min_lstm(layer: MinLSTM, x: Tensor, hidden: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
    forget, enter, candidate = (x @ layer.projection.weight.T + layer.projection.bias).split(H, dim=1)
    f, i, c = forget.sigmoid(), enter.sigmoid(), g(candidate) if layer.candidate == "positive" else candidate
    h = f / (f + i) * hidden + i / (f + i) * c
    return {
        "forget": f,
        "input": i,
        "kept": f / (f + i),
        "taken": i / (f + i),
        "candidate": c,
        "hidden": h,
    }, [h]


def sru(layer: SRU, x: Tensor, cell: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
    weights = dict(zip("cfrx", layer.weight.split(H), strict=False))
    b_f, b_r = layer.bias.split(H)
    v_f, v_r = (0.0, 0.0) if layer.gates == "input" else layer.weight_cell.split(H)
    f = torch.sigmoid(x @ weights["f"].T + v_f * cell + b_f)
    r = torch.sigmoid(x @ weights["r"].T + v_r * cell + b_r)
    candidate = x @ weights["c"].T
    c = f * cell + (1 - f) * candidate
    h = r * (c.tanh() if layer.activation == "tanh" else c)
    if layer.highway:
        h = h + (1 - r) * (x @ weights["x"].T if "x" in weights else x) * layer.alpha
    return {"forget": f, "reset": r, "candidate": candidate, "cell": c, "hidden": h}, [c]


def qrnn(layer: QRNN, x: Tensor, history: Tensor, cell: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
    window = torch.cat([history, x[:, None]], dim=1)
    made = torch.einsum("bki,oik->bo", window, layer.weight) + layer.bias
    z, f, *others = made.split(H, dim=1)
    z, f = z.tanh(), f.sigmoid()
    f = layer.zoneout + (1 - layer.zoneout) * f
    o = others[0].sigmoid() if layer.pooling != "f" else torch.ones_like(f)
    i = others[1].sigmoid() if layer.pooling == "ifo" else 1 - f
    c = f * cell + i * z
    on_the_way = {"input": i, "forget": f, "candidate": z, "output": o, "cell": c, "hidden": o * c}
    return on_the_way, [window[:, 1:], c]


def lru(layer: LRU, x: Tensor, real: Tensor, imaginary: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
    a = torch.exp(torch.complex(-layer.log_decay.exp(), layer.log_phase.exp()))
    b, c = torch.complex(*layer.weight_in.unbind(1)), torch.complex(*layer.weight_out.unbind(2))
    h = a * torch.complex(real, imaginary) + layer.log_gain.exp() * (x.to(b.dtype) @ b.T)
    y = (h @ c.T).real
    if layer.weight_skip is not None:
        y = y + (layer.weight_skip * x if layer.output_size == FEATURES else x @ layer.weight_skip.T)
    return {"real": h.real, "imaginary": h.imag, "hidden": y}, [h.real, h.imag]


EQUATIONS = {MinGRU: min_gru, MinLSTM: min_lstm, SRU: sru, QRNN: qrnn, LRU: lru}
MADE = {
    "MinGRU": lambda: MinGRU(FEATURES, H),
    "MinGRU-positive": lambda: MinGRU(FEATURES, H, candidate="positive"),
    "MinLSTM": lambda: MinLSTM(FEATURES, H),
    "MinLSTM-positive": lambda: MinLSTM(FEATURES, H, candidate="positive"),
    "SRU-2017": lambda: SRU(FEATURES, H),
    "SRU-2017-tanh": lambda: SRU(H, H, activation="tanh"),
    "SRU-2018": lambda: SRU(FEATURES, H, gates="state", highway_bias=-1.5),
    "SRU-2018-tanh": lambda: SRU(H, H, gates="state", activation="tanh", rescale=False),
    "SRU-without-highway": lambda: SRU(FEATURES, H, gates="state", highway=False),
    "QRNN-f": lambda: QRNN(FEATURES, H, 3, pooling="f"),
    "QRNN-fo": lambda: QRNN(FEATURES, H, 1),
    "QRNN-ifo": lambda: QRNN(FEATURES, H, 2, pooling="ifo"),
    "QRNN-zoneout": lambda: QRNN(FEATURES, H, 2, pooling="ifo", zoneout=0.3),
    "LRU": lambda: LRU(FEATURES, H),
    "LRU-other-size": lambda: LRU(FEATURES, H, 4, r_min=0.5),
    "LRU-without-skip": lambda: LRU(FEATURES, H, skip=False, max_phase=0.3),
}


def made(name: str) -> LinearRecurrent:
    torch.manual_seed(3)
    layer = MADE[name]().double().eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)  # biases too
    return layer


def begun(layer: SequenceLayer, batch: int) -> list[Tensor]:
    """Parts of a state in mid-stream."""
    return [normal(*part.shape, seed=9 + place) for place, part in enumerate(layer.initial_state(batch))]


def stepped(
    layer: LinearRecurrent, x: Tensor, parts: list[Tensor]
) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
    """The equations, step by step: y, the parts after, what is on the way."""
    seen: list[dict[str, Tensor]] = []
    for step in x.unbind(1):
        on_the_way, parts = EQUATIONS[type(layer)](layer, step, *parts)
        seen.append(on_the_way)
    fields = {name: torch.stack([one[name] for one in seen], dim=1) for name in seen[0]}
    return fields["hidden"], parts, fields


@pytest.mark.parametrize("steps", [1, 7, 70])
@pytest.mark.parametrize("name", MADE)
def test_values_and_gradients(name, steps):
    layer = made(name)
    x, start = normal(2, steps, layer.input_size), begun(layer, 2)
    y, after = layer(x, type(layer.initial_state(2))(*start))
    expected, ends, _ = stepped(layer, x, start)
    found, truth = [y, *after], [expected, *ends]
    for ours, theirs in zip(found, truth, strict=True):
        close(ours, theirs)
    inputs = [x, *(part for part in start if part.numel()), *layer.parameters()]
    for ours, theirs in zip(gradients(found, inputs), gradients(truth, inputs), strict=True):
        close(ours, theirs)


@pytest.mark.parametrize("name", MADE)
def test_a_trace_shows_what_is_on_the_way(name):
    layer = made(name)
    x, lengths, start = normal(3, 6, layer.input_size), torch.tensor([6, 0, 4]), begun(layer, 3)
    state = type(layer.initial_state(3))(*start)
    y, after, seen = layer.trace(x, state, lengths)
    plain, end = layer(x, state, lengths)
    for ours, theirs in zip([y, *leaves(after)], [plain, *leaves(end)], strict=True):
        assert torch.equal(ours, theirs)
    _, _, fields = stepped(layer, x, start)
    assert set(seen._fields) == fields.keys() - ({"hidden"} if isinstance(layer, LRU) else set())
    for field in seen._fields:
        for row, length in enumerate(lengths.tolist()):
            close(getattr(seen, field)[row, :length], fields[field][row, :length])
            assert not getattr(seen, field)[row, length:].any()
    assert all(part.shape[1] == 0 for part in layer.trace(x[:, :0], state)[2])


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(MADE)), st.lists(st.integers(0, 80), min_size=1, max_size=4))
def test_pieces_of_any_size_join(name, pieces):
    layer = made(name)
    x, state = normal(2, sum(pieces), layer.input_size), None
    outputs = []
    for piece in x.split(pieces, dim=1):
        y, state = layer(piece, state)
        outputs.append(y)
    expected, end = layer(x)
    close(torch.cat(outputs, dim=1), expected)
    for ours, theirs in zip(leaves(state), leaves(end), strict=True):
        close(ours, theirs)


def test_gates_of_a_min_lstm_that_both_vanish():
    """In float32 sigmoid(-200) is 0, and f / (f + i) of two zeros would be no number."""
    layer = MinLSTM(1, 1)
    with torch.no_grad():
        layer.projection.weight.zero_()
        layer.projection.bias.copy_(torch.tensor([-200.0, -200.0, 4.0]))
    y, _, seen = layer.trace(torch.zeros(1, 2, 1))
    assert seen.forget.flatten().tolist() == seen.input.flatten().tolist() == [0, 0]
    assert y.flatten().tolist() == [2.0, 3.0]


def test_a_min_gru_has_fewer_parameters_than_a_gru():
    """Section 3.1.3 of the paper: 2 H I instead of 3 H (I + H), biases apart."""
    layer = MinGRU(4, 8, bias=False)
    assert sum(parameter.numel() for parameter in layer.parameters()) == 2 * 8 * 4


@pytest.mark.parametrize(("bias", "alpha"), [(0.0, math.sqrt(3)), (-3.0, math.sqrt(1 + 2 * math.exp(-3)))])
def test_the_scaling_of_a_highway_keeps_variance(bias, alpha):
    """Section 3.2 of the SRU paper: with alpha the output begins with about the variance of x."""
    torch.manual_seed(0)
    layer = SRU(256, 256, rescale=True, highway_bias=bias)
    assert layer.alpha == pytest.approx(alpha)
    assert layer.bias.detach()[256:].tolist() == [bias] * 256
    assert SRU(3, 3).alpha == SRU(3, 3, gates="state", rescale=False).alpha == 1
    assert SRU(3, 3, gates="state").alpha == pytest.approx(math.sqrt(3))
    variance = float(layer.weight.detach().var())
    assert variance == pytest.approx(1 / 256, rel=0.05)


def test_a_qrnn_convolves_as_torch_does():
    torch.manual_seed(0)
    layer = QRNN(FEATURES, H, 4, pooling="f").double()
    theirs = torch.nn.Conv1d(FEATURES, 2 * H, 4).double()
    layer.load_state_dict(theirs.state_dict())
    x = normal(2, 9, FEATURES)
    _, _, seen = layer.trace(x)
    candidate, forget = theirs(F.pad(x, (0, 0, 3, 0)).mT).mT.split(H, dim=2)
    close(seen.candidate, candidate.tanh())
    close(seen.forget, forget.sigmoid())
    bound = 1 / math.sqrt(4 * FEATURES)
    assert all(
        float(parameter.detach().abs().max()) <= bound for parameter in QRNN(FEATURES, H, 4).parameters()
    )


def test_zoneout_keeps_units_at_its_rate_and_in_the_mean():
    torch.manual_seed(0)
    layer = QRNN(FEATURES, 64, pooling="f", zoneout=0.25)
    x = torch.randn(4, 50, FEATURES)
    _, _, seen = layer.trace(x)
    assert float((seen.forget == 1).float().mean()) == pytest.approx(0.25, abs=0.02)
    kept = seen.forget[:, 1:] == 1
    assert torch.equal(seen.cell[:, 1:][kept], seen.cell[:, :-1][kept])
    means = torch.stack([layer.trace(x)[2].forget for _ in range(300)]).mean(0)
    torch.testing.assert_close(means, layer.eval().trace(x)[2].forget, rtol=0, atol=0.12)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.9, 0.999), (0.5, 0.5), (1.0, 1.0)])
def test_an_lru_begins_on_its_ring(low, high):
    torch.manual_seed(0)
    layer = LRU(2, 2000, r_min=low, r_max=high, max_phase=math.pi / 10).double()
    size, phase = layer._eigenvalues()
    assert low - 1e-6 <= float(size.detach().min()) <= float(size.detach().max()) <= min(high + 1e-6, 1)
    assert 0 < float(phase.detach().min()) <= float(phase.detach().max()) <= math.pi / 10 + 1e-6
    if high > low:  # even over the area
        squared = (size.detach() ** 2 - low**2) / (high**2 - low**2)
        assert float(squared.mean()) == pytest.approx(0.5, abs=0.03)
        assert float((squared < 0.25).double().mean()) == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(
        layer.log_gain.exp() ** 2, 1 - size**2, rtol=1e-2, atol=1e-6, check_dtype=False
    )
    assert all(parameter.isfinite().all() for parameter in layer.parameters())


def test_one_number_of_an_lru_by_hand():
    layer = LRU(1, 1, skip=False).double()
    with torch.no_grad():
        layer.log_decay.fill_(math.log(-math.log(0.5)))
        layer.log_phase.fill_(math.log(math.pi / 2))
        layer.log_gain.zero_()
        layer.weight_in.copy_(torch.tensor([[[1.0], [0.0]]]))
        layer.weight_out.copy_(torch.tensor([[[1.0, -1.0]]]))
    a, h, expected = 0.5 * cmath.exp(0.5j * cmath.pi), 0j, []
    for u in (1.0, 0.0, 0.0, 0.0):
        h = a * h + u
        expected.append(((1 - 1j) * h).real)
    y, _ = layer(torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64).view(1, 4, 1))
    assert y.flatten().tolist() == pytest.approx(expected)
    assert expected == pytest.approx([1, 0.5, -0.25, -0.125])


def test_an_lru_keeps_pairs_of_real_numbers():
    layer = LRU(FEATURES, H)
    assert not any(tensor.is_complex() for tensor in layer.state_dict().values())
    _, state = layer.double()(normal(2, 9, FEATURES))
    assert {part.dtype for part in state} == {torch.float64}
    assert state.real.data_ptr() != state.imaginary.data_ptr()


@pytest.mark.parametrize("steps", [1, 9])
@pytest.mark.parametrize("name", MADE)
@torch.no_grad()
def test_lower_precision(name, steps):
    """Where torch chooses it for products, where the layer below handed it on, and where the weights have it."""
    layer = made(name)
    x = normal(2, 2 * steps, layer.input_size)
    expected, _ = layer(x)
    for dtype, heard in (
        (torch.float32, x.float()),
        (torch.float32, x.bfloat16()),
        (torch.bfloat16, x.bfloat16()),
    ):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.float32):
            y, state = layer.to(dtype)(heard[:, :steps])
            more, _ = layer(heard[:, steps:], state)
        found = torch.cat([y, more], dim=1).double()
        assert float((found - expected).norm() / expected.norm()) < 0.03


def test_layers_above_each_other():
    """Chain stacks them; each is linear in its own state, not in the one below."""
    stack = Chain(MinGRU(FEATURES, H), SRU(H, H), QRNN(H, 4), LRU(4, 6, 2)).double()
    assert stack.streams
    assert math.isinf(stack.receptive_field)
    assert stack(normal(2, 7, FEATURES))[0].shape == (2, 7, 2)


def test_a_recurrence_without_steps_says_so():
    with pytest.raises(NotImplementedError, match=r"LinearRecurrent does not define steps\(\)."):
        LinearRecurrent(1, 1).run(torch.zeros(1, 1, 1), (), None)


RING = (
    "r_min and r_max must be a ring within the unit circle, 0 <= r_min <= r_max <= 1 and r_max above 0, got "
)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MinGRU(0, 5), "input_size must be a whole number of at least 1, got 0."),
        (lambda: SRU(3, 2.0), "hidden_size must be a whole number of at least 1, got 2.0."),
        (lambda: QRNN(3, 5, 0), "kernel_size must be a whole number of at least 1, got 0."),
        (lambda: LRU(3, 5, True), "output_size must be a whole number of at least 1, got True."),
        (lambda: MinLSTM(3, 5, candidate="log"), "candidate must be 'linear' or 'positive', got 'log'."),
        (lambda: SRU(3, 5, gates="both"), "gates must be 'input' or 'state', got 'both'."),
        (lambda: SRU(3, 5, activation="relu"), "activation must be 'identity' or 'tanh', got 'relu'."),
        (
            lambda: SRU(3, 5, highway_bias=math.nan),
            "highway_bias must be a number between -100 and 100, got nan.",
        ),
        (lambda: QRNN(3, 5, pooling="max"), "pooling must be 'f', 'fo' or 'ifo', got 'max'."),
        (
            lambda: QRNN(3, 5, zoneout=1.0),
            "zoneout must be a number of at least 0 and less than 1, got 1.0.",
        ),
        (lambda: LRU(3, 5, r_min=0.9, r_max=0.5), RING + "0.9 and 0.5."),
        (lambda: LRU(3, 5, r_max=1.5), RING + "0.0 and 1.5."),
        (lambda: LRU(3, 5, r_max=0.0), RING + "0.0 and 0.0."),
        (
            lambda: LRU(3, 5, max_phase=0.0),
            "max_phase must be above 0 and finite, 2 pi for all directions, got 0.0.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
