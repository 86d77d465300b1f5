"""What layers refuse to be made with: every argument of every public layer, and the guards that they share."""

import inspect
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from contract.registry import LAYERS
from ostinato import layers
from ostinato.errors import ConfigError
from ostinato.layers import options, sizes
from ostinato.layers.recurrent.base import RecurrentOptions

# no argument of any layer may be one of these
NOTHING = (object(), "junk", math.nan, 1j, {"a": 1}, [None], np.array([1.5]), lambda *_: None)
# nor one of these, but where they mean something
ODD: tuple[tuple[object, set[tuple[str, str]]], ...] = (
    (
        -1,
        {("Calendar", "origin"), ("SRU", "highway_bias"), ("STFT", "window_type"), ("ISTFT", "window_type")},
    ),
    (-math.inf, set()),
    (np.int64(-2), {("STFT", "window_type"), ("ISTFT", "window_type")}),
)


@pytest.fixture(scope="module")
def calls() -> dict[type, dict[str, Any]]:
    """Arguments that make each public layer, by name: those of its first case in the registry."""
    found: dict[type, dict[str, Any]] = {}

    def noting(kind: type) -> Any:
        made = kind.__init__

        def note(self: object, *args: Any, **named: Any) -> None:
            if type(self) is kind and kind not in found:
                bound = inspect.signature(made).bind(self, *args, **named)
                found[kind] = dict(list(bound.arguments.items())[1:])
            made(self, *args, **named)

        return note

    with pytest.MonkeyPatch.context() as patch:
        for name in layers.__all__:
            kind = getattr(layers, name)
            patch.setattr(kind, "__init__", noting(kind))
        for name, case in LAYERS.items():
            if not name.startswith(("model-", "forecast")):
                case.make()
    return found


def arguments(kind: type, given: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each argument of a layer by name, and a function that makes it with another value there."""
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        if name == "self":
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            others = {key: value for key, value in given.items() if key != name}
            rest = given.get(name, ())
            yield name, lambda odd, rest=rest, others=others: kind(*rest, odd, **unfolded(others))
        elif parameter.kind is parameter.VAR_KEYWORD:
            extra = RecurrentOptions.__annotations__ if "Options" in str(parameter.annotation) else ("odd",)
            for key in extra:
                yield key, lambda odd, key=key: made(kind, given, {key: odd})
        else:
            yield name, lambda odd, name=name: made(kind, given, {name: odd})


def unfolded(given: dict[str, Any]) -> dict[str, Any]:
    """Keywords among themselves, wherever the signature collects them."""
    flat = dict(given)
    for key in ("options", "named"):
        flat |= flat.pop(key, {})
    return flat


def made(kind: type, given: dict[str, Any], odd: dict[str, Any]) -> object:
    flat = unfolded(given) | odd
    return kind(*flat.pop("layers", ()), **flat) if kind in (layers.Chain, layers.Parallel) else kind(**flat)


@pytest.mark.parametrize("name", [name for name in layers.__all__ if name not in ("Identity", "Output")])
def test_every_argument_of_every_layer(calls, name):
    kind = getattr(layers, name)
    for argument, make in arguments(kind, calls[kind]):
        allowed = [value for value, where in ODD if (name, argument) not in where]
        for odd in (*NOTHING, *allowed):
            with pytest.raises(Exception) as caught:
                pytest.fail(f"{argument}={odd!r} is let through: {make(odd)}")
            sentence = str(caught.value)
            assert caught.type is ConfigError, f"{argument}={odd!r}: {caught.type.__name__}: {sentence}"
            assert argument in sentence or len(sentence) >= 30, sentence
            assert sentence.endswith("."), sentence


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: sizes.at_least_one(size=0), "size must be a whole number of at least 1, got 0."),
        (lambda: sizes.at_least_one(size=(3, 4)), "size must be a whole number of at least 1, got (3, 4)."),
        (lambda: sizes.at_least_one(size=True), "size must be a whole number of at least 1, got True."),
        (
            lambda: sizes.at_least_one(size=np.int64(3)),
            "size must be a whole number of at least 1, got np.int64(3), which is no int of Python: pass int(...).",
        ),
        (lambda: sizes.at_least(0, steps=-1), "steps must be a whole number of at least 0, got -1."),
        (lambda: sizes.check_size(size=(4, 0)), "size must be a whole number of at least 1, got (4, 0)."),
        (lambda: sizes.check_size(size=()), "size must be a whole number, or a tuple of two or more such"),
        (lambda: sizes.check_size(size=(3,)), "size must be a whole number, or a tuple of two or more such"),
        (lambda: sizes.check_size(size=[4, 3]), "size must be a whole number of at least 1, got [4, 3]."),
        (lambda: sizes.whole_numbers("taps", 3), "taps must be a sequence of whole numbers, got 3."),
        (lambda: sizes.whole_numbers("taps", "12"), "taps must be a sequence of whole numbers, got '12'."),
        (lambda: sizes.whole_numbers("taps", b"12"), "taps must be a sequence of whole numbers, got b'12'."),
        (
            lambda: sizes.whole_numbers("taps", {1, 2}),
            "taps must be a sequence of whole numbers, got {1, 2}.",
        ),
        (lambda: sizes.whole_numbers("taps", [1, None]), "taps must be whole numbers, got None."),
        (lambda: sizes.whole_numbers("taps", [1, True]), "taps must be whole numbers, got True."),
        (lambda: options.yes_or_no(bias="no"), "bias must be True or False, got 'no'."),
        (lambda: options.yes_or_no(bias=1), "bias must be True or False, got 1."),
        (lambda: options.one_of("mode", "c", ("a", "b")), "mode must be 'a' or 'b', got 'c'."),
        (lambda: options.one_of("mode", ["a"], ("a", "b")), "mode must be 'a' or 'b', got ['a']."),
        (lambda: options.number(rate=True), "rate must be a number, got True."),
        (lambda: options.number(rate=math.nan), "rate must be a number, got nan."),
        (lambda: options.number(rate=Fraction(1, 2)), "rate must be a number, got Fraction(1, 2)."),
        (lambda: options.finite(rate=math.inf), "rate must be a finite number, got inf."),
        (lambda: options.above_zero(rate=0), "rate must be above 0, got 0."),
        (lambda: options.not_negative(rate=-0.5), "rate must be 0 or more, got -0.5."),
        (
            lambda: layers.BatchNorm(3, momentum=1.5),
            "momentum must be 0 to 1, the weight of a new batch, got 1.5.",
        ),
        (
            lambda: layers.LowPass(3, 0.2, 3, beta=1e9),
            "beta must be at most 500, or the window overflows, got",
        ),
        (
            lambda: layers.ConvBlock(3, 4, norm=layers.BatchNorm(4)),
            "norm must be 'batch', 'layer', None or a",
        ),
        (lambda: layers.ConvBlock(3, 4, activation=nn.ReLU()), "activation must be 'relu', "),
        (
            lambda: layers.ConvBlock(3, 4, pool_size=0),
            "pool_size must be a whole number of at least 1, got 0.",
        ),
        (lambda: layers.Calendar(3, "hour"), "parts must be a sequence of names, got 'hour'."),
        (lambda: layers.StandardScaler(3, -8.0), "limit must be above 0 deviations, got -8.0."),
        (lambda: layers.Embedding(5, 3, padding_idx=True), "padding_idx must be a code, 0 to 4, got True."),
    ],
)
def test_refusals(check, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        check()


def test_a_number_of_numpy_leaves_the_dtype_alone():
    assert {p.dtype for p in layers.SRU(3, 5, highway_bias=np.float64(0.5)).parameters()} == {torch.float32}
