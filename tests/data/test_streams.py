"""Streams of slices: every step once, in order, reset where a sequence begins."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data.steps import Steps
from ostinato.data.streams import Streams
from ostinato.errors import ConfigError


@st.composite
def cases(draw):
    """Steps in any number of sequences, a number of streams and a slice length."""
    count = draw(st.integers(1, 60))
    flags = st.lists(st.booleans() | st.just(False), min_size=count, max_size=count)
    starts = draw(st.none() | flags.map(torch.tensor))
    x = torch.arange(1.0, 1 + 2 * count).reshape(count, 2)
    steps = Steps(x, x[:, :1] * 10, torch.ones(count), starts)
    return steps, draw(st.integers(1, count)), draw(st.integers(1, 70))


def naive_streams(steps, streams, most, first):
    """The slices of each stream as lists of rows, row by row."""
    bounds = [0]
    for stream in range(streams):
        bounds.append(bounds[-1] + len(steps) // streams + (stream < len(steps) % streams))
    result = []
    for begin, end in pairwise(bounds):
        slices = []
        for row in range(begin, end):
            limit = first if len(slices) == 1 else most
            new_sequence = steps.starts is not None and bool(steps.starts[row])
            if row == begin or new_sequence or len(slices[-1]) == limit:
                slices.append([])
            slices[-1].append(row)
        result.append(slices)
    return result


def first_length(streams, number):
    """The most steps that the first slices of an epoch have, with jitter."""
    return int(streams.plan(number)[1][:, 0].max())


@given(cases(), st.booleans(), st.integers(0, 5))
def test_slices_equal_those_cut_row_by_row(case, jitter, number):
    steps, count, most = case
    streams = Streams(*case, seed=2, jitter=jitter)
    first = first_length(streams, number) if jitter else most
    expected = naive_streams(steps, count, most, first)
    slices = list(streams.epoch(number))
    assert len(slices) == streams.count(number) == max(map(len, expected))
    for at, piece in enumerate(slices):
        for stream, row in enumerate(piece.rows.tolist()):
            here = expected[stream][at] if at < len(expected[stream]) else []
            assert [r for r in row if r >= 0] == here
            assert row == here + [-1] * (len(row) - len(here))
            begins = bool(here) and (at == 0 or (steps.starts is not None and bool(steps.starts[here[0]])))
            assert begins == (piece.reset is not None and bool(piece.reset[stream]))


@given(cases(), st.integers(0, 5))
def test_every_step_is_visited_once_with_its_own_content(case, number):
    steps, count, most = case
    seen = []
    for piece in Streams(*case, seed=2).epoch(number):
        padded = piece.rows < 0
        assert piece.x.shape[:2] == piece.rows.shape == piece.weight.shape
        assert piece.rows.shape[0] == count
        assert 1 <= piece.rows.shape[1] <= most
        assert piece.reset is None or piece.reset.any()
        if piece.lengths is None:
            assert not padded.any()
        else:
            assert padded.any()
            assert torch.equal(piece.lengths, (~padded).sum(1))
        for mine, theirs in ((piece.x, steps.x), (piece.target, steps.target), (piece.weight, steps.weight)):
            assert torch.equal(mine[~padded], theirs[piece.rows[~padded]])
            assert not mine[padded].any()
        seen += piece.rows[~padded].tolist()
    assert sorted(seen) == list(range(len(steps)))


@given(cases(), st.data())
def test_an_epoch_can_go_on_from_any_slice(case, data):
    streams = Streams(*case, seed=1)
    skip = data.draw(st.integers(0, streams.count(4)))
    rest = [piece.rows.tolist() for piece in streams.epoch(4, skip)]
    assert rest == [piece.rows.tolist() for piece in streams.epoch(4)][skip:]


def plain(count, **options):
    return Steps(torch.ones(count, 1), torch.ones(count), torch.ones(count), **options)


def test_one_sequence_resets_once():
    slices = list(Streams(plain(100), 4, 10, jitter=False).epoch(0))
    assert slices[0].reset.tolist() == [True] * 4
    assert all(piece.reset is None for piece in slices[1:])
    assert [piece.x.shape[1] for piece in slices] == [10, 10, 5]
    assert all(piece.lengths is None for piece in slices)


def test_streams_differ_by_at_most_one_step():
    *_, last = Streams(plain(11), 4, 2, jitter=False).epoch(0)
    assert last.lengths.tolist() == [1, 1, 1, 0]
    assert last.rows.tolist() == [[2], [5], [8], [-1]]


def test_jitter_moves_the_cuts_and_depends_on_seed_and_epoch():
    def firsts(seed):
        return [next(Streams(plain(1000), 4, 50, seed).epoch(number)).x.shape[1] for number in range(40)]

    assert firsts(0) == firsts(0)
    assert firsts(0) != firsts(1)
    assert len(set(firsts(0))) > 15
    assert min(firsts(0)) >= 1
    assert max(firsts(0)) <= 50


def test_padding_hides_nan():
    steps = Steps(torch.full((5, 1), float("nan")), torch.full((5,), float("nan")), torch.ones(5))
    *_, last = Streams(steps, 2, 2, jitter=False).epoch(0)
    assert last.rows.tolist() == [[2], [-1]]
    assert last.x[1].item() == last.target[1].item() == last.weight[1].item() == 0


def test_impossible_streams():
    with pytest.raises(ConfigError, match=r"5 streams need as many steps, there are 4. Take fewer"):
        Streams(plain(4), 5, 2)
    with pytest.raises(ConfigError, match="streams must be at least 1 stream, got 0"):
        Streams(plain(4), 0, 2)
    with pytest.raises(ConfigError, match="steps_per_slice must be at least 1 step, got 0"):
        Streams(plain(4), 2, 0)
    with pytest.raises(ConfigError, match="skip must be 0 to 2, the slices of this epoch, got -1"):
        Streams(plain(4), 1, 2, jitter=False).epoch(0, skip=-1)
