"""What every layer refuses, each time in a sentence that says what was wrong with which value, and what to do."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from contract.registry import LAYERS
from ostinato.checks import Subject
from ostinato.core import class_name, leaves, map_state
from ostinato.errors import LengthsError, OstinatoError, ShapeError, StateError, StreamingError
from ostinato.layers import Point, Pointwise, Quantiles, Regression, StandardScaler, StudentT

BATCH, STEPS = 2, 5


class Foreign(NamedTuple):
    """A state that no layer has."""

    foreign: Tensor


Call = Callable[[], object]
Refusal = tuple[
    str, type[OstinatoError], str, Call
]  # what is done, how it is refused, what the sentence names


def refusals_of_x(subject: Subject, x: Tensor) -> Iterator[Refusal]:
    layer = subject.layer
    more = torch.cat([x, x[..., :1]], dim=-1)
    if layer.input_size is not None:
        yield "features", ShapeError, str(tuple(more.shape)), lambda: layer(more)
        yield "no features", ShapeError, str((*x.shape[:-1], 0)), lambda: layer(x[..., :0])
        yield "more axes", ShapeError, str((*x.shape, 1)), lambda: layer(x[..., None])
    yield "fewer axes", ShapeError, str((BATCH, STEPS)), lambda: layer(x.flatten(2)[..., 0])
    yield "one number", ShapeError, "got ()", lambda: layer(x.flatten()[0])
    yield "no tensor", ShapeError, "got list", lambda: layer(x.tolist())
    yield "None", ShapeError, "got NoneType", lambda: layer(None)
    yield "complex", ShapeError, "torch.complex128", lambda: layer(x.to(torch.complex128))
    if not layer.takes_codes:
        yield "integers", ShapeError, "torch.int64", lambda: layer(x.long())
        yield "truths", ShapeError, "torch.bool", lambda: layer(x.bool())
        if any(True for _ in layer.parameters()):
            yield "float32", ShapeError, "torch.float32", lambda: layer(x.float())
    if any(True for _ in layer.parameters()):
        yield "another device", ShapeError, "on meta", lambda: layer(x.to("meta"))


def refusals_of_lengths(subject: Subject, x: Tensor) -> Iterator[Refusal]:
    for name, lengths, value in (
        ("negative", torch.tensor([STEPS, -1]), "got -1"),
        ("too long", torch.tensor([STEPS + 1, 0]), f"got {STEPS + 1}"),
        ("floats", torch.tensor([1.0, 2.0]), "torch.float32"),
        ("truths", torch.tensor([True, False]), "torch.bool"),
        ("too many", torch.tensor([1, 2, 3]), "(3,)"),
        ("a column", torch.tensor([[1], [2]]), "(2, 1)"),
        ("one number", torch.tensor(3), "got ()"),
        ("a list", [1, 2], "got list"),
        ("an int", 3, "got int"),
        ("another device", torch.tensor([1, 2], device="meta"), "on meta"),
    ):
        yield name, LengthsError, value, lambda given=lengths: subject.layer(x, None, given)


def refusals_of_states(subject: Subject, x: Tensor) -> Iterator[Refusal]:
    layer = subject.layer
    foreign = Foreign(torch.zeros(BATCH, 1, dtype=torch.float64))
    if not layer.streams:
        for name, state in (("a state", foreign), ("a list", []), ("a tensor", foreign.foreign)):
            yield name, StreamingError, class_name(layer), lambda given=state: layer(x, given)
        return
    state, all_rows = layer(x)[1], torch.ones(BATCH, dtype=torch.bool)
    for name, other in (
        ("of another layer", foreign),
        ("as a dict", {"state": state}),
        ("as a list", list(state) or [foreign]),
        ("as a tensor", foreign.foreign),
        ("a number", 3),
    ):
        yield name, StateError, class_name(layer), lambda given=other: layer(x, given)
        yield f"{name}, to flush", StateError, class_name(layer), lambda given=other: layer.flush(given)
        yield (
            f"{name}, to reset_rows",
            StateError,
            class_name(layer),
            lambda given=other: layer.reset_rows(given, all_rows),
        )
    if not any(True for _ in leaves(state)):
        return
    for name, value, change in (
        ("of more rows", "3 rows", lambda leaf: torch.cat([leaf, leaf[:1]])),
        ("of no rows", "0 rows", lambda leaf: leaf[:0]),
        ("of another dtype", "torch.float16", lambda leaf: leaf.to(torch.float16)),
        ("of another device", "on meta", lambda leaf: leaf.to("meta")),
        ("of other sizes", "", lambda leaf: leaf[..., None]),
    ):
        changed = map_state(change, state)
        yield name, StateError, value, lambda given=changed: layer(x, given)
    for mask in (torch.ones(BATCH), torch.ones(BATCH + 1, dtype=torch.bool), [True, False], None):
        yield f"mask {mask}", StateError, "mask", lambda given=mask: layer.reset_rows(state, given)


def refusals_of_steps(subject: Subject, x: Tensor) -> Iterator[Refusal]:
    layer = subject.layer
    for name, wrong in (("list", x.tolist()), ("one axis", x.flatten(2)[..., 0])):
        yield f"last of {name}", ShapeError, "got", lambda given=wrong: layer.last(given)
        yield f"tail of {name}", ShapeError, "got", lambda given=wrong: layer.tail(given, 2)
    for count in (0, -1, 1.5, None):
        yield f"tail of {count}", ShapeError, repr(count), lambda given=count: layer.tail(x, given)
    several = layer.stride.denominator > 1 or layer.block != layer.stride.numerator
    if not layer.streams or several:
        yield "a stepper", StreamingError, class_name(layer), layer.stepper
        return
    for batch in (0, -1, 1.5, True, None, "2"):
        yield f"{batch!r} rows", ShapeError, repr(batch), lambda given=batch: layer.stepper(given)
    yield "steps of a word", ShapeError, "'float32'", lambda: layer.stepper(dtype="float32")
    if any(True for _ in layer.parameters()) and not layer.takes_codes:
        yield (
            "steps of another dtype",
            ShapeError,
            "torch.float16",
            lambda: layer.stepper(dtype=torch.float16),
        )
    stepper = layer.stepper(BATCH, dtype=x.dtype)
    one = x[:, 0]
    if layer.input_size is not None:
        yield "steps", ShapeError, str(tuple(x.shape)), lambda: stepper.step(x)
    yield "a step of one row", ShapeError, str(tuple(one[:1].shape)), lambda: stepper.step(one[:1])
    yield "a step of another dtype", ShapeError, "torch.float16", lambda: stepper.step(one.half())
    yield "a step of another device", ShapeError, "on meta", lambda: stepper.step(one.to("meta"))
    yield "a step that is a list", ShapeError, "got list", lambda: stepper.step(one.tolist())
    yield "a foreign state", StateError, "", lambda: stepper.restore(Foreign(one))


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_every_layer_refuses_in_a_sentence(case):
    subject = Subject.of(case.make(), case.inputs)
    x = subject.x(STEPS, BATCH)
    before = [parameter.clone() for parameter in subject.layer.parameters()]
    for refusals in (refusals_of_x, refusals_of_lengths, refusals_of_states, refusals_of_steps):
        for name, kind, value, call in refusals(subject, x):
            where = f"{refusals.__name__}: {name}"
            with pytest.raises(Exception) as caught:
                call()
            sentence = str(caught.value)
            assert isinstance(caught.value, kind), f"{where}: {caught.type.__name__}: {sentence}"
            assert len(sentence) >= 30, f"{where}: {sentence}"
            assert sentence.endswith("."), f"{where}: {sentence}"
            assert value in sentence, f"{where}: {sentence}"
    assert all(map(torch.equal, before, subject.layer.parameters()))


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())
def test_what_is_odd_but_allowed(case):
    subject = Subject.of(case.make(), case.inputs)
    layer, x = subject.layer, subject.x(STEPS, BATCH)
    lengths = torch.tensor([0, STEPS], dtype=torch.int32)
    for given, spoken in ((x[:0], None), (x[:, :0], None), (x, lengths), (x[:, :0], lengths * 0)):
        y, _ = layer(given, None, spoken)
        assert y.shape[0] == len(given)
    if x.is_floating_point():
        assert layer(torch.full_like(x, torch.nan))[0].shape == layer(x)[0].shape


X = torch.zeros(2, 6, 3)
GIVEN: dict[str, tuple[Call, type[OstinatoError], str]] = {
    "scaler, None": (
        lambda: StandardScaler(3).fit(None),
        ShapeError,
        "(rows, 3) with at least one row, got NoneType.",
    ),
    "scaler, list": (lambda: StandardScaler(3).fit([[1, 2, 3]]), ShapeError, "at least one row, got list."),
    "regression": (
        lambda: Regression(3, 2).take(None, [1]),
        ShapeError,
        "W (2, 3) and b (2,), got NoneType and list.",
    ),
    "labels, None": (
        lambda: Point(2).fit(None),
        ShapeError,
        "labels (rows, 2), a column for each quantity, got NoneType.",
    ),
    "labels, one axis": (lambda: StudentT(2).fit(torch.ones(4)), ShapeError, "each quantity, got (4,)."),
    # would fill both quantities with the labels of one
    "labels, fewer": (lambda: Quantiles(2, (0.1, 0.5)).fit(torch.ones(4, 1)), ShapeError, "got (4, 1)."),
    "labels, more": (lambda: Point(1).fit(torch.ones(4, 2)), ShapeError, "got (4, 2)."),
    "features": (
        lambda: Pointwise(nn.Linear(3, 5), 3, 4)(X),
        ShapeError,
        "the module of Pointwise must give (2, 6, 4) for x (2, 6, 3), got (2, 6, 5)",
    ),
    "features, undeclared": (
        lambda: Pointwise(nn.Linear(3, 5))(X),
        ShapeError,
        "got (2, 6, 5): each step on its own",
    ),
    "steps": (
        lambda: Pointwise(nn.Flatten(), 3, 3)(X),
        ShapeError,
        "must give (2, 6, 3) for x (2, 6, 3), got (2, 18)",
    ),
    "a tuple": (lambda: Pointwise(nn.LSTM(3, 3, batch_first=True), 3, 3)(X), ShapeError, "got tuple"),
}


@pytest.mark.parametrize(("call", "kind", "sentence"), GIVEN.values(), ids=GIVEN.keys())
def test_what_methods_and_modules_give(call, kind, sentence):
    with pytest.raises(kind, match=re.escape(sentence)):
        call()
