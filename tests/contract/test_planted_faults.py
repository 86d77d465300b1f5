"""The oracle of random architectures sees what it is there for: each check is shown a fault that is planted."""

from fractions import Fraction

import pytest
import torch

from contract.architectures.oracle import ask, subject_of
from contract.architectures.subject import Examined
from contract.architectures.tree import Architecture, Node, node
from ostinato.core import SequenceLayer
from ostinato.layers import Chain, Conv1d, Parallel, Residual
from ostinato.layers.steppers.sliding import ConvolutionStepper

CONV = node("Conv1d", 2, 2, 3, latency=1)
CHAIN = node("Chain", CONV, node("GRU", 2, 3), node("Conv1d", 3, 2, 2))
STEADY = node("Chain", node("Conv1d", 2, 2, 3), node("Dense", 2, 2), node("Conv1d", 2, 2, 2))
STRIDED = node("Chain", node("Conv1d", 2, 2, 3, stride=2), node("Dense", 2, 1))
WHOLE = node("Chain", node("CentredConv1d", 2, 2, 3), node("Conv1d", 2, 1, 2))


def less(function):
    """What a method gives, its last step left out."""
    return lambda *arguments: function(*arguments)[:, :-1]


def off(function):
    """What a method gives, a little larger."""
    return lambda *arguments: function(*arguments) + 1e-6


def later(function):
    """What a method gives, one later."""
    return lambda *arguments: function(*arguments) + 1


def sooner(function):
    """What a method gives, one before."""
    return lambda *arguments: function(*arguments) - 1


def forgets(run):
    """Each call begins anew."""
    return lambda layer, x, state, lengths: run(layer, x, layer.initial_state(len(x), x.dtype), lengths)


def one_step_more(run):
    """Looks a step ahead without a word."""

    def shifted(layer, x, state, lengths):
        y, after = run(layer, x, state, lengths)
        return torch.cat([y[:, 1:], y[:, -1:]], dim=1), after

    return shifted


def mixes_rows(run):
    """A row hears its neighbours."""

    def mixed(layer, x, state, lengths):
        y, after = run(layer, x, state, lengths)
        return y + y.mean(0, keepdim=True).nan_to_num(), after

    return mixed


def of_the_batch(flush):
    """A row is owed what its neighbours are."""
    return lambda *arguments: flush(*arguments) + flush(*arguments).mean(0, keepdim=True)


@pytest.mark.parametrize(
    ("check", "tree", "owner", "name", "fault"),
    [
        ("flush_counts", CHAIN, Chain, "flush", less),
        ("flush_values", CHAIN, Chain, "flush", off),
        ("flush_values", node("Residual", CONV), Residual, "flush", off),
        ("flush_counts", node("Parallel", CONV, CONV), Parallel, "flush", less),
        ("receptive_field", STEADY, Chain, "oldest", later),
        ("receptive_field", WHOLE, Chain, "newest", sooner),
        ("tails", STEADY, Chain, "tail", off),
        ("tails", STEADY, Chain, "tail", less),
        ("lasts", STEADY, Chain, "last", off),
        ("tails_in_training", STEADY, Chain, "tail", off),
        ("tails_learn", STEADY, Chain, "tail", lambda tail: lambda *arguments: tail(*arguments).detach()),
        ("wrapped", CONV, Chain, "flush", off),
        ("doubled", CONV, Parallel, "flush", off),
        ("brackets", node("Chain", CHAIN, node("Dense", 2, 2)), Chain, "flush", None),
        ("chunks", STEADY, Conv1d, "run", forgets),
        ("future", node("Conv1d", 2, 2, 3), Conv1d, "run", one_step_more),
        ("rows", node("Conv1d", 2, 2, 3), Conv1d, "run", mixes_rows),
        ("states", node("Conv1d", 2, 2, 3), Conv1d, "run", mixes_rows),
        ("steppers", node("Conv1d", 2, 2, 3), ConvolutionStepper, "advance", off),
        ("flush_ragged", CONV, Conv1d, "flush", of_the_batch),
        ("flush_joins", CONV, Conv1d, "flush", lambda flush: lambda *arguments: flush(*arguments)[:0]),
        ("equals_torch", STEADY, Conv1d, "slide", off),
        ("runs", STEADY, Conv1d, "slide", lambda slide: lambda *arguments: slide(*arguments) / 0.0),
        ("numbers_of_steps", STRIDED, Chain, "out_lengths", later),
    ],
)
def test_planted_faults(monkeypatch, check, tree, owner, name, fault):
    assert ask(subject(tree), check) is None, "the check accuses a good layer"
    broken = _flush_of_firsts if fault is None else fault(getattr(owner, name))
    monkeypatch.setattr(owner, name, broken)
    told = ask(subject(tree), check)
    assert told is not None
    assert told.kind == "fault", told


def _flush_of_firsts(chain, state):
    """Only the first layer's, as a chain would that does not look within."""
    owed = chain.layers[0].flush(state[0])
    for layer, before in zip(chain.layers[1:], state[1:], strict=True):
        owed, _ = layer(owed, before)
    return owed + len(chain.layers)


@pytest.mark.parametrize(
    ("check", "tree", "figure", "value"),
    [
        ("numbers_of_steps", STRIDED, "stride", Fraction(1)),
        ("numbers_of_steps", node("Chain", node("AdaptiveAvgPool1d", 2, 2)), "steps_out", 1),
        ("receptive_field", STEADY, "receptive_field", 3),
        ("wrapped", STEADY, "receptive_field", 3),
    ],
)
def test_wrong_figures(check, tree, figure, value):
    found = subject(tree)
    assert ask(found, check) is None
    setattr(found.layer, figure, value)
    assert ask(found, check) is not None


def test_middle_taken_for_end():
    """Steps wait in a block, and a layer behind it looks ahead."""
    wrong = node("Chain", node("Delay", 1, 1), node("Dense", 1, 1), node("Delay", 1, 1))
    found = subject(wrong)
    assert ask(found, "flush_meets_the_end") is None
    found.layer.layers[1].out_lengths = lambda lengths, state=None: lengths // 2 * 2
    assert ask(found, "flush_meets_the_end") is not None


def subject(tree: Node) -> Examined:
    found = subject_of(Architecture(tree, size=2), seed=3)
    assert isinstance(found, Examined), found
    assert isinstance(found.layer, SequenceLayer)
    return found
