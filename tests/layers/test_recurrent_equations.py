"""Kin of RNN, LSTM and GRU against their papers' equations, written out for one row and one step.

Nothing of the package's own arithmetic is used on the right-hand side: rows are run one by one and cut to their length.

Axes: B batch, T time steps, I input features, L layers, H hidden features, K features of a context.
"""

import pytest
import torch
from torch import Tensor

from layers.close import close, gradients
from ostinato.core import leaves
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
from ostinato.layers.recurrent import GivenContext, Recurrent


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


class Place:
    """The parameters of one layer in one direction, cut into the gates: ``p.w.forget`` @ x, ``p.u.forget`` @ h."""

    def __init__(self, layer: Recurrent, place: str) -> None:
        self.layer, self.place = layer, place

    def whole(self, name: str) -> Tensor:
        return getattr(self.layer, f"{name}_{self.place}")

    def gate(self, name: str, gate: str) -> Tensor:
        """0 for a bias that is not there."""
        if name.startswith("bias") and not self.layer.bias:
            return torch.zeros(self.layer.hidden_size, dtype=torch.float64)
        size, place = self.layer.hidden_size, self.layer.gates.index(gate)
        return self.whole(name)[place * size : (place + 1) * size]

    def from_x(self, gate: str, x: Tensor) -> Tensor:
        return self.gate("weight_ih", gate) @ x + self.gate("bias_ih", gate)

    def from_h(self, gate: str, h: Tensor) -> Tensor:
        return self.gate("weight_hh", gate) @ h + self.gate("bias_hh", gate)

    def norm(self, name: str, total: Tensor, rows: slice = slice(None)) -> Tensor:
        centred = total - total.mean()
        bias = self.whole(f"bias_{name}")[rows] if self.layer.bias else 0
        gain = self.whole(f"gain_{name}")[rows]
        return centred / ((centred**2).mean() + 1e-5).sqrt() * gain + bias


def lstm(p: Place, x: Tensor, h: Tensor, c: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    i, f, g, o = (
        p.from_x(gate, x) + p.from_h(gate, h) for gate in ("input", "forget", "candidate", "output")
    )
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * c.tanh()
    if p.layer.proj_size:
        h = p.whole("weight_hr") @ h
    return (h, c), {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}


def peephole_lstm(p: Place, x: Tensor, h: Tensor, c: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Lecture 003, W_cf and its kin; Graves 2013, equations 7 to 11, where they are diagonal."""
    to_i, to_f, to_o = p.whole("weight_ch").split(p.layer.hidden_size)
    if p.layer.peepholes == "diagonal":
        to_i, to_f, to_o = to_i.diag(), to_f.diag(), to_o.diag()
    i = (p.from_x("input", x) + p.from_h("input", h) + to_i @ c).sigmoid()
    f = (p.from_x("forget", x) + p.from_h("forget", h) + to_f @ c).sigmoid()
    g = (p.from_x("candidate", x) + p.from_h("candidate", h)).tanh()
    c = f * c + i * g
    o = (p.from_x("output", x) + p.from_h("output", h) + to_o @ c).sigmoid()
    h = o * c.tanh()
    return (h, c), {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}


def coupled_lstm(p: Place, x: Tensor, h: Tensor, c: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Greff et al. 2015, CIFG."""
    f = (p.from_x("forget", x) + p.from_h("forget", h)).sigmoid()
    g = (p.from_x("candidate", x) + p.from_h("candidate", h)).tanh()
    o = (p.from_x("output", x) + p.from_h("output", h)).sigmoid()
    c = f * c + (1 - f) * g
    h = o * c.tanh()
    return (h, c), {"forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}


def gru(p: Place, x: Tensor, h: Tensor, *context: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Lecture 003 (before, keep), lecture 000 (before, renew), lecture 004 equations 5 to 8 (with a context)."""
    heard = {gate: p.gate("weight_context", gate) @ context[0] if context else 0 for gate in p.layer.gates}
    r = (p.from_x("reset", x) + p.from_h("reset", h) + heard["reset"]).sigmoid()
    z = (p.from_x("update", x) + p.from_h("update", h) + heard["update"]).sigmoid()
    kept = p.from_h("candidate", r * h) if p.layer.reset == "before" else r * p.from_h("candidate", h)
    n = (p.from_x("candidate", x) + kept + heard["candidate"]).tanh()
    h = z * h + (1 - z) * n if p.layer.update == "keep" else (1 - z) * h + z * n
    return (h, *context), {"reset": r, "update": z, "candidate": n, "hidden": h}


def layer_norm_rnn(p: Place, x: Tensor, h: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Ba et al. 2016, equation 4."""
    total = p.norm("h", p.whole("weight_ih") @ x + p.whole("weight_hh") @ h)
    h = total.tanh() if p.layer.nonlinearity == "tanh" else total.clamp(min=0)
    return (h,), {"hidden": h}


def layer_norm_lstm(
    p: Place, x: Tensor, h: Tensor, c: Tensor
) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Ba et al. 2016, equations 20 to 22."""
    total = p.norm("hh", p.whole("weight_hh") @ h) + p.norm("ih", p.whole("weight_ih") @ x)
    i, f, g, o = total.split(p.layer.hidden_size)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * p.norm("c", c).tanh()
    return (h, c), {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}


def layer_norm_gru(p: Place, x: Tensor, h: Tensor) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """Ba et al. 2016, equations 29 to 31."""
    gates, new = slice(0, 2 * p.layer.hidden_size), slice(2 * p.layer.hidden_size, None)
    across, back = p.whole("weight_ih"), p.whole("weight_hh")
    opening = p.norm("hh", back[gates] @ h, gates) + p.norm("ih", across[gates] @ x, gates)
    r, z = opening.sigmoid().chunk(2)
    n = (p.norm("ih", across[new] @ x, new) + r * p.norm("hh", back[new] @ h, new)).tanh()
    h = (1 - z) * h + z * n
    return (h,), {"reset": r, "update": z, "candidate": n, "hidden": h}


KINDS = {
    "LSTM-projected": (lambda *a, **o: LSTM(3, 5, *a, proj_size=2, **o), lstm),
    "GRU-before": (lambda *a, **o: GRU(3, 5, *a, reset="before", **o), gru),
    "GRU-renew": (lambda *a, **o: GRU(3, 5, *a, update="renew", **o), gru),
    "GRU-before-renew": (lambda *a, **o: GRU(3, 5, *a, reset="before", update="renew", **o), gru),
    "PeepholeLSTM": (lambda *a, **o: PeepholeLSTM(3, 5, *a, **o), peephole_lstm),
    "PeepholeLSTM-full": (lambda *a, **o: PeepholeLSTM(3, 5, *a, peepholes="full", **o), peephole_lstm),
    "CoupledLSTM": (lambda *a, **o: CoupledLSTM(3, 5, *a, **o), coupled_lstm),
    "ContextGRU": (lambda *a, **o: ContextGRU(3, 5, 4, *a, **o), gru),
    "ContextGRU-after-keep": (
        lambda *a, **o: ContextGRU(3, 5, 4, *a, reset="after", update="keep", **o),
        gru,
    ),
    "ContextGRU-after": (lambda *a, **o: ContextGRU(3, 5, 4, *a, reset="after", **o), gru),
    "LayerNormRNN": (lambda *a, **o: LayerNormRNN(3, 5, *a, **o), layer_norm_rnn),
    "LayerNormRNN-relu": (lambda *a, **o: LayerNormRNN(3, 5, *a, nonlinearity="relu", **o), layer_norm_rnn),
    "LayerNormLSTM": (lambda *a, **o: LayerNormLSTM(3, 5, *a, **o), layer_norm_lstm),
    "LayerNormGRU": (lambda *a, **o: LayerNormGRU(3, 5, *a, **o), layer_norm_gru),
}
OPTIONS = {
    "one": ((), {}),
    "stacked-residual-without-bias": ((3,), {"residual": True, "bias": False}),
    "stacked-bidirectional": ((2,), {"bidirectional": True}),
    "reverse": ((2,), {"reverse": True}),
    "zoneout": ((2,), {"zoneout": 0.3}),
}
LENGTHS = torch.tensor([6, 0, 1, 4])


def made(kind: str, options: str) -> Recurrent:
    """In float64, no parameter where it began."""
    positional, named = OPTIONS[options]
    layer = KINDS[kind][0](*positional, **named).double().eval()
    for place, parameter in enumerate(layer.parameters()):
        parameter.data = normal(*parameter.shape, seed=place).detach() / 2
    return layer


def begun(layer: Recurrent, rows: int) -> tuple[object, list[Tensor]]:
    """A state that is not zero, and its parts."""
    shapes = [
        (rows, size) if name in layer.constants else (rows, layer.num_layers, size)
        for name, size in zip(layer.state_type._fields, layer.sizes(), strict=True)
    ]
    parts = [normal(*shape, seed=90 + place) for place, shape in enumerate(shapes)]
    if layer.streams:
        return layer.state_type(*parts), parts
    if not isinstance(layer, ContextGRU):
        return None, []
    return GivenContext(parts[1]), parts[1:]


def one_way(layer: Recurrent, step, place: str, x: Tensor, parts: tuple[Tensor, ...]):
    """One row through one layer in one direction: outputs, the end, what was on the way; all steps in x's order."""
    backward, seen = layer.reverse or place.endswith("_reverse"), []
    rates = (*layer.zoneout, 0.0)
    for value in x.flip(0) if backward else x:
        after, gates = step(Place(layer, place), value, *parts)
        parts = tuple(
            rate * old + (1 - rate) * new for rate, old, new in zip(rates, parts, after, strict=False)
        )
        seen.append(gates | {"y": parts[0]})
    return seen[::-1] if backward else seen, parts


def by_hand(layer: Recurrent, step, x: Tensor, state: object, lengths: list[int]):
    """y, what is on the way and the end state, each row alone."""
    sizes = dict(zip(layer.state_type._fields, layer.sizes(), strict=True))
    ends: list[list[Tensor]] = []
    ys: list[dict[tuple[int, int], Tensor]] = []
    for row, length in enumerate(lengths):
        below, found = list(x[row, :length]), {}
        for depth in range(layer.num_layers):
            start = [torch.zeros(size, dtype=x.dtype) for size in sizes.values()]
            if layer.streams:
                start = [part[row] if part.dim() == 2 else part[row, depth] for part in state]
            elif state is not None:
                start[-1] = state.context[row]
            ways = []
            for direction in layer.directions:
                stacked = torch.stack(below) if below else x.new_zeros(0, 1)
                seen, end = one_way(layer, step, f"l{depth}{direction}", stacked, tuple(start))
                ways.append(seen)
                ends.append(list(end))
            joined = [
                {name: torch.cat([way[t][name] for way in ways]) for name in ways[0][t]}
                for t in range(length)
            ]
            for t in range(length):
                found[t, depth] = joined[t]
            above = [joined[t]["y"] for t in range(length)]
            below = [a + b for a, b in zip(above, below, strict=True)] if layer.residual and depth else above
        found["y"] = below
        ys.append(found)
    return ys, ends


def compare(layer: Recurrent, found: tuple, hand: tuple, steps: int) -> tuple[list[Tensor], list[Tensor]]:
    """Ours and theirs, tensor by tensor, on valid steps; beyond them ours is zero."""
    (y, state, trace), (rows, ends) = found, hand
    ours, theirs = [], []
    for row, values in enumerate(rows):
        length = len(values["y"])
        assert not y[row, length:].any()
        assert not any(field[row, length:].any() for field in trace)
        for t in range(length):
            ours.append(y[row, t])
            theirs.append(values["y"][t])
            for depth in range(layer.num_layers):
                for name in trace._fields:
                    ours.append(getattr(trace, name)[row, t, depth])
                    theirs.append(values[t, depth][name])
    for place, end in enumerate(ends if layer.streams else []):
        row, depth = divmod(place, layer.num_layers)
        for part, expected in zip(state, end, strict=True):
            ours.append(part[row] if part.dim() == 2 else part[row, depth])
            theirs.append(expected)
    return ours, theirs


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_equations_of_the_paper(kind, options):
    layer = made(kind, options)
    x, (state, parts) = normal(4, 6, 3), begun(layer, 4)
    y, after = layer(x, state, LENGTHS)
    traced, end, trace = layer.trace(x, state, LENGTHS)
    close(traced, y)
    for one, other in zip(leaves(end), leaves(after), strict=True):
        close(one, other)
    hand = by_hand(layer, KINDS[kind][1], x, state, LENGTHS.tolist())
    ours, theirs = compare(layer, (y, after, trace), hand, 6)
    for found, expected in zip(ours, theirs, strict=True):
        close(found, expected)
    inputs = [x, *parts, *layer.parameters()]
    for a, b in zip(gradients(ours, inputs), gradients(theirs, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_every_gate_is_on_request(kind):
    layer = made(kind, "one")
    x, (state, _) = normal(2, 3, 3), begun(layer, 2)
    _, _, trace = layer.trace(x, state)
    names = set(trace._fields)
    assert names >= set(layer.gates) | (set(layer.state_type._fields) - set(layer.constants))
    for name in names & {"input", "forget", "output", "reset", "update"}:
        assert ((getattr(trace, name) > 0) & (getattr(trace, name) < 1)).all()
    assert layer.trace(x[:, :0], state)[2]._fields == trace._fields
    assert layer.trace(x[:0])[2].hidden.shape == (0, 3, 1, layer.output_size)
