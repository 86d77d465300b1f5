"""Every twin of the recurrent ops gives the numbers of the definition, and so does its gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core import fill_padding
from ostinato.ops.recurrent import LSTMCell, Weights, naive, run, torch_kernels

CELLS = {"rnn": (1, 1), "gru": (3, 1), "lstm": (4, 2)}  # gates, tensors of state


@st.composite
def problems(draw):
    """Sizes, small and odd; lengths from 0 on; a state that is not zero."""
    name = draw(st.sampled_from(sorted(CELLS)))
    batch, steps = draw(st.sampled_from([0, 1, 2, 5])), draw(st.sampled_from([0, 1, 2, 3, 7, 11]))
    inputs, hidden = draw(st.sampled_from([1, 2, 3, 7])), draw(st.sampled_from([1, 3, 5, 8]))
    lengths = draw(st.none() | st.lists(st.integers(0, steps), min_size=batch, max_size=batch))
    options = {"nonlinearity": draw(st.sampled_from(["tanh", "relu"]))} if name == "rnn" else {}
    # torch tells that there is a projection by P < H
    projected = (draw(st.integers(0, hidden - 1)) if name == "lstm" else 0) or None
    torch.manual_seed(draw(st.integers(0, 99)))
    return (
        name,
        torch.randn(batch, steps, inputs, dtype=torch.float64),
        [
            torch.randn(batch, size, dtype=torch.float64)
            for size in (projected or hidden, hidden)[: CELLS[name][1]]
        ],
        weights(CELLS[name][0], inputs, hidden, draw(st.booleans()), projected),
        None if lengths is None else torch.tensor(lengths, dtype=torch.int64),
        options,
    )


def weights(gates: int, inputs: int, hidden: int, bias: bool, projected: int | None = None) -> Weights:
    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64) / 2

    rows = gates * hidden
    return Weights(
        drawn(rows, inputs),
        drawn(rows, projected or hidden),
        drawn(rows) if bias else None,
        drawn(rows) if bias else None,
        drawn(projected, hidden) if projected else None,
    )


def results(module, name, x, state, parameters, lengths, options):
    """y on valid steps, the state after, and the gradient of everything that goes in."""
    inputs = [tensor.clone().requires_grad_() for tensor in (x, *state, *parameters.tensors())]
    parts, tensors = inputs[1 : 1 + len(state)], iter(inputs[1 + len(state) :])
    used = Weights(*(None if part is None else next(tensors) for part in parameters))
    y, *after = getattr(module, name)(inputs[0], *parts, used, lengths, **options)
    y = fill_padding(y, lengths)
    value = sum((part * torch.arange(1, part.numel() + 1).view_as(part)).sum() for part in (y, *after))
    slopes = torch.autograd.grad(value, inputs, allow_unused=True)
    zeros = [
        torch.zeros_like(tensor) if slope is None else slope
        for slope, tensor in zip(slopes, inputs, strict=True)
    ]
    return [y, *after, *zeros]


@settings(deadline=None, max_examples=80)
@given(problems())
def test_torch_s_kernels_equal_the_definition(problem):
    names = ["y", *(f"state {i}" for i in range(len(problem[2])))]
    defined, fast = results(naive, *problem), results(torch_kernels, *problem)
    for place, (expected, found) in enumerate(zip(defined, fast, strict=True)):
        name = names[place] if place < len(names) else f"gradient {place - len(names)}"
        torch.testing.assert_close(
            found, expected, rtol=1e-10, atol=1e-10, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("name", sorted(CELLS))
def test_the_state_that_no_step_touched_comes_back(name):
    gates, parts = CELLS[name]
    state = [torch.randn(2, 3) for _ in range(parts)]
    for module in (naive, torch_kernels):
        for x, lengths in ((torch.randn(2, 0, 4), None), (torch.randn(2, 5, 4), torch.tensor([0, 0]))):
            parameters = Weights(*(w.float() for w in weights(gates, 4, 3, bias=True).tensors()))
            _, *after = getattr(module, name)(x, *state, parameters, lengths)
            assert all(torch.equal(a, b) for a, b in zip(after, state, strict=True))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("projected", [None, 3])
def test_weights_of_any_size_leave_an_lstm_s_cell_still_on_the_padding(dtype, projected):
    torch.manual_seed(0)
    parameters = weights(4, 3, 8, bias=True, projected=projected)
    parameters = Weights(*(None if w is None else (1e5 * w).to(dtype) for w in parameters))
    x, lengths = torch.randn(5, 9, 3, dtype=dtype), torch.tensor([9, 0, 1, 4, 8])
    hidden, cell = torch.randn(5, projected or 8, dtype=dtype), torch.randn(5, 8, dtype=dtype)
    _, after = run(LSTMCell(parameters), x, (hidden, cell), lengths)
    for row, length in enumerate(lengths.tolist()):
        rows = slice(row, row + 1)
        _, alone = run(LSTMCell(parameters), x[rows, :length], (hidden[rows], cell[rows]), None)
        for found, expected in zip(after, alone, strict=True):
            torch.testing.assert_close(found[rows], expected, rtol=1e-4, atol=1e-4)
