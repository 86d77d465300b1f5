"""State as a value: cut, joined, saved and mixed by its structure alone."""

import re
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from ostinato.core import (
    detach,
    join_rows,
    leaves,
    map_state,
    named_leaves,
    same_structure,
    state_bytes,
    state_from_leaves,
    take_rows,
    where_rows,
)
from ostinato.errors import StateError
from ostinato.layers.recurrent import GRUState, RNNState


class Inner(NamedTuple):
    hidden: Tensor
    count: Tensor


class Outer(NamedTuple):
    body: Any
    rest: Any


def nested(batch: int = 3, offset: float = 0.0) -> Outer:
    hidden = torch.arange(2.0 * batch).view(batch, 2) + offset
    return Outer(Inner(hidden, torch.arange(batch)), ((), hidden + 100))


def test_leaves_in_order_and_by_name():
    state = nested()
    assert list(named_leaves(state)) == ["body.hidden", "body.count", "rest.1"]
    assert all(a is b for a, b in zip(leaves(state), named_leaves(state).values(), strict=True))
    assert named_leaves(()) == {}
    assert list(named_leaves(state.body.hidden)) == [""]


def test_through_names_and_back():
    state = nested()
    restored = state_from_leaves(nested(offset=9.0), named_leaves(state))
    assert same_structure(restored, state)
    assert all(torch.equal(a, b) for a, b in zip(leaves(restored), leaves(state), strict=True))


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"hidden": torch.ones(1)}, "the saved state lacks tensor 'count'. It was saved by another layer."),
        (
            {"hidden": torch.ones(1), "count": torch.ones(1), "more": torch.ones(1)},
            "the saved state has an unknown tensor 'more'.",
        ),
    ],
)
def test_a_foreign_file_is_refused(tensors, sentence):
    with pytest.raises(StateError, match=sentence):
        state_from_leaves(nested().body, tensors)


def test_rows_are_taken_joined_and_mixed():
    state, other = nested(), nested(offset=50.0)
    halves = [take_rows(state, [0]), take_rows(state, slice(1, 3))]
    joined = join_rows(halves)
    assert type(joined) is Outer
    assert all(torch.equal(a, b) for a, b in zip(leaves(joined), leaves(state), strict=True))
    mixed = where_rows(torch.tensor([True, False, True]), other, state)
    assert mixed.body.hidden.tolist() == [[50, 51], [2, 3], [54, 55]]
    picked = take_rows(state, torch.tensor([False, True, False]))
    assert picked.body.count.tolist() == [1]


def test_states_in_other_phases_do_not_mix():
    short, long = (torch.ones(2, 1, 3),), (torch.ones(2, 4, 3),)
    sentence = r"rows of shapes \(1, 3\) and \(4, 3\) cannot be mixed. A strided layer .* feed whole blocks."
    with pytest.raises(StateError, match=sentence):
        where_rows(torch.tensor([True, False]), short, long)
    with pytest.raises(
        StateError, match=re.escape("these states cannot be joined: they differ in structure or phase.")
    ):
        join_rows([short, long])


def test_states_of_other_layers_do_not_mix():
    with pytest.raises(
        StateError, match=re.escape("these states do not belong to one layer: they differ in structure.")
    ):
        map_state(torch.add, nested(), (*nested(), ()))


def test_detach_keeps_values_and_cuts_history():
    state = Inner(torch.ones(2, requires_grad=True) * 2, torch.zeros(2))
    cut = detach(state)
    assert type(cut) is Inner
    assert torch.equal(cut.hidden, state.hidden)
    assert not cut.hidden.requires_grad


def test_bytes_are_those_of_whole_storages():
    large = torch.zeros(1000, dtype=torch.float64)
    assert state_bytes((large[:1], ())) == 8000
    assert state_bytes((large[:1], large[5:9])) == 8000
    assert state_bytes(()) == 0


def test_structure_is_kinds_and_nesting_not_values():
    assert same_structure(nested(2), nested(5))
    assert not same_structure(nested(), tuple(nested()))
    assert not same_structure(nested().body, nested().body.hidden)
    assert not same_structure((torch.ones(1),), (torch.ones(1), torch.ones(1)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: detach(None), "a state is made of tuples and tensors, got NoneType."),
        (lambda: detach([torch.ones(2)]), "a state is made of tuples and tensors, got list."),
        (lambda: map_state(torch.add, (torch.ones(2),), None), "they differ in structure."),
        (lambda: where_rows([True], (torch.ones(2),), (torch.ones(2),)), "mask must be a bool tensor"),
        (lambda: where_rows(torch.ones(2), (torch.ones(2),), (torch.ones(2),)), "mask must be a bool tensor"),
        # would take both rows of one
        (
            lambda: where_rows(torch.tensor([True]), (torch.ones(2),), (torch.ones(2),)),
            "mask is for 1 rows, the states have 2. Give each row a value.",
        ),
        (
            lambda: join_rows([GRUState(torch.ones(1, 1, 2)), RNNState(torch.ones(1, 1, 2))]),
            "these states cannot be joined: they differ in structure or phase.",
        ),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(StateError, match=re.escape(sentence)):
        call()
