"""The scan against itself step by step, in values, gradients and gradients of gradients.

Axes: B batch, T time steps, H features.
"""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx

from layers.close import close, gradients
from ostinato.errors import ShapeError
from ostinato.ops import scan
from ostinato.ops.scan import naive, torch_kernels

DTYPES = [torch.float32, torch.float64, torch.complex64, torch.complex128]
TINY, DOUBLE = 1e-30, (torch.float64, torch.complex128)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def decays(kind: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Within the unit circle, or of one size, or of sizes that no product of them survives."""
    if kind == "gates":
        uniform = normal(*shape, seed=1, dtype=dtype)
        return uniform / (1 + uniform.abs())
    sizes = {"zero": [0.0], "one": [1.0], "tiny": [TINY], "wild": [0.0, TINY, 1.0, 1.5, -2.0, 0.3]}[kind]
    places = torch.randint(len(sizes), shape, generator=torch.Generator().manual_seed(2))
    return torch.tensor(sizes, dtype=dtype)[places]


@st.composite
def questions(draw):
    dtype = draw(st.sampled_from(DTYPES))
    shape = [
        draw(st.integers(0, 3)),
        draw(st.integers(0, 12) | st.integers(60, 150)),
        draw(st.integers(1, 3)),
    ]
    kind = draw(st.sampled_from(["gates", "zero", "one", "tiny", *(["wild"] if shape[1] < 20 else [])]))
    given = [size if draw(st.booleans()) else 1 for size in shape]
    decay = decays(kind, tuple(given[draw(st.integers(0, 3)) :]), dtype)
    return decay, normal(*shape, dtype=dtype), normal(shape[0], shape[2], seed=3, dtype=dtype)


@settings(max_examples=120, deadline=None)
@given(questions())
def test_equal_to_step_by_step(question):
    found, expected = ([part.clone().requires_grad_() for part in question] for _ in range(2))
    h, truth = torch_kernels.linear(*found), naive.linear(*expected)
    rounding = {} if h.dtype in DOUBLE else {"rtol": 1e-4, "atol": 1e-4}
    assert h.dtype == truth.dtype == question[1].dtype
    torch.testing.assert_close(h, truth, **(rounding or {"rtol": 1e-10, "atol": 1e-12}))
    if h.numel() == 0:
        return
    for ours, theirs in zip(slopes(h, found), slopes(truth, expected), strict=True):
        scale = max(1.0, float(theirs.abs().max()))
        error = float((ours - theirs).abs().max())
        assert error <= (1e-12 if h.dtype in DOUBLE else 1e-4) * scale * 10


def slopes(h: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    weights = normal(*h.shape, seed=4, dtype=h.dtype)
    return torch.autograd.grad((h * weights).abs().square().sum().sqrt(), inputs)


@pytest.mark.parametrize("dtype", DOUBLE)
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("blocks", [False, True])
def test_gradients_of_gradients(dtype, steps, constant, blocks, monkeypatch):
    monkeypatch.setattr(torch_kernels, "LONG", 2 if blocks else 9)
    decay = decays("gates", (2,) if constant else (2, steps, 2), dtype).requires_grad_()
    value = normal(2, steps, 2, dtype=dtype).requires_grad_()
    start = normal(2, 2, seed=3, dtype=dtype).requires_grad_()
    torch.autograd.gradcheck(torch_kernels.linear, (decay, value, start))
    torch.autograd.gradgradcheck(torch_kernels.linear, (decay, value, start))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 70), min_size=1, max_size=5), st.sampled_from(DOUBLE))
def test_chunks_join(pieces, dtype):
    steps = sum(pieces)
    decay, value = decays("gates", (2, steps, 3), dtype), normal(2, steps, 3, dtype=dtype)
    start = h = normal(2, 3, seed=3, dtype=dtype)
    outputs = []
    for a, v in zip(decay.split(pieces, 1), value.split(pieces, 1), strict=True):
        outputs.append(scan.linear(a, v, h))
        h = outputs[-1][:, -1] if outputs[-1].shape[1] else h
    close(torch.cat(outputs, 1), scan.linear(decay, value, start))


def test_products_that_overflow_are_never_formed():
    """1e4 to the power of 14, a block, is infinite in float32, and infinity times the zero that enters is no number."""
    decay, value = torch.full((1, 200, 1), 1e4), torch.zeros(1, 200, 1)
    value[:, -2] = 3.0
    h = torch_kernels.linear(decay, value, torch.zeros(1, 1))
    assert h.flatten()[-3:].tolist() == [0.0, 3.0, 3e4]
    assert not h[:, :-3].any()
    value.requires_grad_()
    (slope,) = torch.autograd.grad(torch_kernels.linear(decay, value, torch.zeros(1, 1))[:, 2].sum(), value)
    assert slope.flatten()[:4].tolist() == [1e8, 1e4, 1.0, 0.0]
    assert not slope[:, 3:].any()


def test_what_is_no_number_stays_where_it_comes():
    """In blocks too: the rows beside it and the steps before it are as they were."""
    decay, value = decays("gates", (3, 100, 2), torch.float64), normal(3, 100, 2)
    expected = naive.linear(decay, value, torch.zeros(2))
    value[1, 40] = torch.nan
    h = torch_kernels.linear(decay, value, torch.zeros(2))
    close(h[[0, 2]], expected[[0, 2]])
    close(h[1, :40], expected[1, :40])
    assert h[1, 40:].isnan().all()


@pytest.mark.parametrize("steps", [5, 100])
def test_memory_of_any_order(steps):
    value, decay = normal(2, 3, steps).transpose(1, 2), decays("gates", (2, 3, steps), torch.float64).mT
    together = torch.cat([decay, value], dim=2)
    expected = naive.linear(decay.contiguous(), value.contiguous(), torch.zeros(3))
    close(torch_kernels.linear(decay, value, torch.zeros(3)), expected)
    close(torch_kernels.linear(*together.chunk(2, dim=2), torch.zeros(3)), expected)
    assert torch_kernels.linear(decay, value, torch.zeros(3)).is_contiguous()


def test_wide_steps_run_in_a_loop_and_narrow_ones_in_blocks(monkeypatch):
    ran = []
    for name in ("_loop", "_run_blocks"):
        old = getattr(torch_kernels, name)
        monkeypatch.setattr(
            torch_kernels, name, lambda *given, old=old, name=name: (ran.append(name), old(*given))[1]
        )
    torch_kernels.linear(torch.ones(()), torch.zeros(1, 99, 4096), torch.zeros(()))
    assert ran == ["_loop"]
    ran.clear()
    torch_kernels.linear(torch.ones(()), torch.zeros(1, 99, 4), torch.zeros(()))
    assert ran[0] == "_run_blocks"


def test_dtypes_are_promoted():
    h = scan.linear(torch.tensor(0.5), torch.ones(1, 3, 1, dtype=torch.complex128), torch.zeros(()))
    assert h.dtype == torch.complex128
    assert h.flatten().tolist() == [1, 1.5, 1.75]
    assert (
        scan.linear(torch.tensor(0.5), torch.ones(1, 3, 1, dtype=torch.int64), torch.zeros(())).dtype
        == torch.float32
    )


@pytest.mark.parametrize("steps", [1, 70])
def test_compiled_and_exported(steps):
    inputs = decays("gates", (2, steps, 3), torch.float64), normal(2, steps, 3), normal(2, 3, seed=3)
    inputs = [part.requires_grad_() for part in inputs]
    compiled = torch.compile(torch_kernels.linear, fullgraph=True, backend="aot_eager")(*inputs)
    expected = naive.linear(*inputs)
    close(compiled, expected)
    for ours, theirs in zip(gradients([compiled], inputs), gradients([expected], inputs), strict=True):
        close(ours, theirs)

    class Module(torch.nn.Module):
        def forward(self, *given: Tensor) -> Tensor:
            return torch_kernels.linear(*given)

    exported = torch.export.export(Module(), tuple(part.detach() for part in inputs))
    close(exported.module()(*inputs), expected.detach())
    foreign = [node for node in exported.graph.nodes if "ostinato" in str(node.target)]
    assert len(foreign) == (steps > 1)


def test_what_nobody_follows_goes_past_the_operator(monkeypatch):
    """A gradient, a tangent, a transformation or a tracing needs the operator; without them it costs time."""
    called, whole = [], torch_kernels.Scan.apply
    monkeypatch.setattr(torch_kernels.Scan, "apply", lambda *given: called.append(given) or whole(*given))
    parts = decays("gates", (2, 5, 3), torch.float64), normal(2, 5, 3), normal(2, 3, seed=3)
    plain = torch_kernels.linear(*parts)
    close(plain, naive.linear(*parts))
    with torch.no_grad():
        torch_kernels.linear(parts[0].clone().requires_grad_(), *parts[1:])
    with torch.inference_mode():
        torch_kernels.linear(*parts)
    assert not called
    followed = torch_kernels.linear(parts[0].clone().requires_grad_(), *parts[1:])
    assert torch.equal(followed.detach(), plain)
    assert torch_kernels.linear(*(part.to("meta") for part in parts)).is_meta
    with forward_ad.dual_level():
        torch_kernels.linear(*parts)
    assert len(called) == 3
    graph = make_fx(torch_kernels.linear)(*parts).graph
    assert [node.target for node in graph.nodes if "ostinato" in str(node.target)] == [
        torch.ops.ostinato.scan.default
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_as_torch_wants_an_operator(dtype):
    decay = decays("gates", (2, 5, 3), dtype).requires_grad_()
    value = normal(2, 5, 3, dtype=dtype).requires_grad_()
    torch.library.opcheck(torch.ops.ostinato.scan.default, (decay, value, normal(2, 3, dtype=dtype)))
    torch.library.opcheck(torch.ops.ostinato.scan_adjoint.default, (decay, value))


@pytest.mark.parametrize("way", [naive.linear, torch_kernels.linear])
@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        (((), (3,), ()), "value must be (batch, time, ...), got (3,)."),
        (((5,), (2, 4, 3), ()), "decay must broadcast to value (2, 4, 3), got (5,)."),
        (((1, 2, 4, 3), (2, 4, 3), ()), "decay must broadcast to value (2, 4, 3), got (1, 2, 4, 3)."),
        (((3,), (2, 4, 3), (2, 4)), "start must broadcast to one step of value (2, 3), got (2, 4)."),
    ],
)
def test_refusals(way, shapes, sentence):
    with pytest.raises(ShapeError, match=re.escape(sentence)):
        way(*map(torch.zeros, shapes))


@pytest.fixture
def tangents(monkeypatch):
    """Without the decompositions that torch scripts, for seconds, when it first meets a tangent."""
    monkeypatch.setenv("PYTORCH_JIT", "0")


def every_derivative(f, parts: tuple[Tensor, ...]) -> dict[str, list[Tensor]]:
    """What ``torch.func`` makes of f, of all its inputs; forward and reverse, of two orders, and side by side."""
    func, places = torch.func, tuple(range(len(parts)))
    tangents = tuple(
        normal(*part.shape, seed=7 + place, dtype=part.dtype) for place, part in enumerate(parts)
    )
    size = lambda *given: f(*given).abs().square().sum()  # noqa: E731
    back = func.vjp(lambda value: f(parts[0], value * value, parts[2]), parts[1])[1]
    pulled = lambda g: back(g * g)[0]  # noqa: E731
    batches = [tuple(torch.stack([part, 2 * part]) for part in parts)]
    found = {
        "jvp": [func.jvp(f, parts, tangents)[1]],
        "jvp of decay": [func.jvp(lambda decay: f(decay, *parts[1:]), parts[:1], tangents[:1])[1]],
        "vjp": func.vjp(f, *parts)[1](normal(*parts[1].shape, seed=5, dtype=parts[1].dtype)),
        "grad": func.grad(size, places)(*parts),
        "vmap": [func.vmap(f)(*batches[0]), func.vmap(f, (None, 0, None))(parts[0], batches[0][1], parts[2])],
        "vmap of decay": [func.vmap(f, (0, None, None), 1)(batches[0][0], *parts[1:])],
        "gradients of each": func.vmap(func.grad(size, places))(*batches[0]),
        "jvp of grad": func.jvp(func.grad(size, places), parts, tangents)[1],
        "jvp of jvp": [func.jvp(lambda *p: func.jvp(f, p, tangents)[1], parts, tangents)[1]],
        "jvp of jvp of vjp": [
            func.jvp(lambda g: func.jvp(pulled, (g,), tangents[1:2])[1], parts[1:2], tangents[1:2])[1]
        ],
        "grad of jvp": func.grad(lambda *p: func.jvp(size, p, tangents)[1], places)(*parts),
    }
    with forward_ad.dual_level():
        duals = map(forward_ad.make_dual, parts, tangents)
        dual = forward_ad.unpack_dual(f(*duals))
        found["dual"] = [torch.zeros_like(dual.primal) if dual.tangent is None else dual.tangent]
    if not parts[1].is_complex():
        found["jacfwd"] = func.jacfwd(f, places)(*parts)
        found["jacrev"] = func.jacrev(f, places)(*parts)
        found["hessian"] = [h for row in func.hessian(size, places)(*parts) for h in row]
        found["jacfwd of jacfwd"] = [
            h for row in func.jacfwd(func.jacfwd(size, places), places)(*parts) for h in row
        ]
    return found


@pytest.mark.usefixtures("tangents")
@pytest.mark.parametrize("dtype", DOUBLE)
@pytest.mark.parametrize("steps", [0, 1, 2, 5])
@pytest.mark.parametrize("constant", [False, True])
def test_every_derivative_of_torch_func(dtype, steps, constant, monkeypatch):
    monkeypatch.setattr(torch_kernels, "LONG", 4)  # blocks, and a loop
    parts = (
        decays("gates", (2,) if constant else (2, steps, 2), dtype),
        normal(2, steps, 2, dtype=dtype),
        normal(2, 2, seed=3, dtype=dtype),
    )
    found, expected = every_derivative(torch_kernels.linear, parts), every_derivative(naive.linear, parts)
    for name, truth in expected.items():
        for ours, theirs in zip(found[name], truth, strict=True):
            torch.testing.assert_close(
                ours, theirs, rtol=1e-9, atol=1e-11, msg=lambda m, name=name: f"{name}: {m}"
            )
    if steps:
        assert any(bool(one.abs().max() > 0.1) for one in found["jvp of decay"]) == (steps > 0)


@pytest.mark.usefixtures("tangents")
@pytest.mark.parametrize("steps", [2, 70])
def test_operators_by_name_take_tangents_or_raise(steps):
    """By dual numbers they are right; what raises in ``torch.func`` and in a compiled one gives no number at all."""
    parts = decays("gates", (2, steps, 2), torch.float64), normal(2, steps, 2), normal(2, 2, seed=3)
    tangents = tuple(normal(*part.shape, seed=9) for part in parts)
    for op, f, count in (
        (torch.ops.ostinato.scan, naive.linear, 3),
        (torch.ops.ostinato.scan_adjoint, lambda decay, g: adjoint(decay, g), 2),
    ):
        expected = torch.func.jvp(f, parts[:count], tangents[:count])[1]
        with forward_ad.dual_level():
            y = op(*map(forward_ad.make_dual, parts[:count], tangents[:count]))
            close(forward_ad.unpack_dual(y).tangent, expected)
        with pytest.raises(RuntimeError, match="setup_context"):
            torch.func.jvp(op, parts[:count], tangents[:count])


def adjoint(decay: Tensor, gradient: Tensor) -> Tensor:
    """By the naive scan, from the end."""
    turned = torch.cat([torch.zeros_like(decay[:, :1]), decay.conj().flip(1)[:, :-1]], dim=1)
    return naive.linear(turned, gradient.flip(1), torch.zeros_like(gradient[:, 0])).flip(1)


@pytest.mark.usefixtures("tangents")
def test_a_compiled_tangent_is_right_or_none():
    parts = decays("gates", (2, 5, 2), torch.float64), normal(2, 5, 2), normal(2, 2, seed=3)
    tangents = tuple(normal(*part.shape, seed=9) for part in parts)

    def tangent(*given: Tensor) -> Tensor:
        return torch.func.jvp(torch_kernels.linear, given, tangents)[1]

    try:
        found = torch.compile(tangent, backend="aot_eager")(*parts)
    except (NotImplementedError, RuntimeError):
        return
    close(found, torch.func.jvp(naive.linear, parts, tangents)[1])
