"""The door that every layer shares: what it refuses, and in which words."""

import re

import pytest
import torch

from ostinato.core import SequenceLayer, state_bytes
from ostinato.errors import ContractError, LengthsError, ShapeError, StateError, StreamingError
from ostinato.layers import (
    GRU,
    LSTM,
    CentredConv1d,
    Conv1d,
    Identity,
    MaxPool1d,
    PositionalFeatures,
    StandardScaler,
)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (
            torch.zeros(2, 7, 4),
            r"x must be \(batch, time, 3\), got \(2, 7, 4\). After batch and time comes the layer's",
        ),
        (torch.zeros(7, 3), r"x must be \(batch, time, 3\), got \(7, 3\)."),
        (
            torch.zeros(2, 7, 3, dtype=torch.int64),
            r"floating point numbers, got torch.int64. Pass x.float\(\).",
        ),
    ],
)
def test_wrong_x(x, sentence):
    with pytest.raises(ShapeError, match=sentence):
        GRU(3, 5)(x)


def test_any_number_of_features_needs_three_axes_all_the_same():
    with pytest.raises(ShapeError, match=r"x must be \(batch, time, features\), got \(4,\).$"):
        Identity()(torch.zeros(4))


def test_lengths_are_checked_at_the_door():
    with pytest.raises(LengthsError, match="got 8"):
        GRU(3, 5)(torch.zeros(2, 7, 3), lengths=torch.tensor([8, 1]))


def test_a_state_of_another_layer():
    _, state = LSTM(3, 5)(torch.zeros(2, 7, 3))
    with pytest.raises(
        StateError, match=re.escape("this state is not one of GRU. Pass what it returned, or None to begin.")
    ):
        GRU(3, 5)(torch.zeros(2, 7, 3), state)


def test_a_state_of_another_batch():
    _, state = GRU(3, 5)(torch.zeros(4, 7, 3))
    with pytest.raises(
        StateError, match=re.escape("state is for 4 rows, x has 2. Start a new stream with state=None.")
    ):
        GRU(3, 5)(torch.zeros(2, 7, 3), state)


def test_a_whole_sequence_layer_takes_no_state():
    layer, x = CentredConv1d(3, 5, 3), torch.zeros(2, 7, 3)
    sentence = (
        "CentredConv1d needs the whole sequence at once and takes no state. Pass state=None with all steps, "
        "or use a layer that streams (causal, one direction)."
    )
    with pytest.raises(StreamingError, match=re.escape(sentence)):
        layer(x, GRU(3, 5).initial_state(2))
    assert layer(x, layer(x)[1])[1] == ()


def test_all_of_them_are_value_errors():
    assert issubclass(ContractError, ValueError)
    assert all(issubclass(e, ContractError) for e in (ShapeError, LengthsError, StateError, StreamingError))


def test_a_row_that_ended_cannot_go_on_through_a_stride():
    layer, x = Conv1d(3, 5, 4, stride=2), torch.randn(3, 4, 3)
    _, state = layer(x, None, torch.tensor([4, 3, 4]))
    sentence = (
        "row 1 ended in an earlier chunk, and Conv1d with stride 2 cannot continue it. Give it length 0, or "
        "begin it anew with reset_rows."
    )
    with pytest.raises(StreamingError, match=re.escape(sentence)):
        layer(x, state)
    y, _ = layer(x, state, torch.tensor([4, 0, 4]))
    assert not y[1].any()
    y, _ = layer(x, layer.reset_rows(state, torch.tensor([False, True, False])))
    torch.testing.assert_close(y[1:2], layer(x[1:2])[0])


def test_a_reset_within_a_block_is_refused():
    layer = MaxPool1d(3, 2)
    _, state = layer(torch.zeros(2, 3, 3))
    with pytest.raises(
        StateError, match=re.escape("only where its last block is complete: feed whole blocks.")
    ):
        layer.reset_rows(state, torch.tensor([True, False]))


def test_last_needs_an_output():
    with pytest.raises(ShapeError, match=re.escape("x has 1 steps, too few for an output: the stride is 2.")):
        Conv1d(3, 5, 2, stride=2).last(torch.zeros(2, 1, 3))


def test_a_layer_without_run_says_so():
    with pytest.raises(NotImplementedError, match=r"SequenceLayer does not define run\(\)."):
        SequenceLayer()(torch.zeros(1, 1, 1))


def test_what_a_layer_without_memory_resets_and_owes():
    layer = Identity()
    assert layer.reset_rows((), torch.tensor([True])) == ()
    assert layer.flush(()).numel() == 0
    assert state_bytes(layer.initial_state(3)) == 0
    assert not layer.recurrent
    assert GRU(3, 5).recurrent


def test_what_is_owed_is_where_the_layer_is():
    """Of a layer that has buffers alone, or nothing but a state of whole numbers."""
    assert StandardScaler(3).to("meta").flush(()).device.type == "meta"
    positions = PositionalFeatures(4)
    state = positions.initial_state(2, device="meta")
    assert positions.flush(state).device.type == "meta"


@pytest.mark.parametrize("layer", [GRU(3, 5), Conv1d(3, 5, 3), CentredConv1d(3, 5, 3), MaxPool1d(3, 2)])
def test_lengths_may_be_int32(layer):
    x, lengths = torch.randn(3, 7, 3), torch.tensor([7, 0, 3])
    assert torch.equal(layer(x, None, lengths.int())[0], layer(x, None, lengths)[0])
