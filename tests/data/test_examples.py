"""Ragged examples: what a piece of them holds, in batches by length and as crops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.buckets import Buckets, bucket_lengths
from ostinato.data.crops import Crops
from ostinato.data.example_batches import share_out
from ostinato.data.examples import Examples
from ostinato.data.timing import Timing
from ostinato.errors import ConfigError, DataError, ShapeError
from ostinato.layers import Conv1d

FEW = settings(deadline=None, max_examples=30)


@st.composite
def ragged(draw):
    """Examples of codes or numbers, with a label each or for each step."""
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=40))
    every_step, total = draw(st.booleans()), sum(lengths)
    x = torch.arange(1, 1 + 2 * total).reshape(total, 2)
    x = x if draw(st.booleans()) else x.double()
    target = torch.arange(total if every_step else len(lengths)) * 10
    weight = (torch.arange(len(target)) % 3).float()
    offsets = torch.tensor([0, *np.cumsum(lengths).tolist()])
    return Examples(x, offsets, target, weight, every_step)


def check_piece(examples, piece, begins=None, lengths=None):
    """Row by row: what the examples hold, then zeros."""
    lengths = examples.lengths[piece.items] if lengths is None else lengths
    begins = examples.offsets[piece.items] if begins is None else begins
    assert piece.x.shape[:2] == (len(piece.items), int(lengths.max()))
    assert (piece.lengths is None) == bool((lengths == lengths[0]).all())
    assert piece.lengths is None or torch.equal(piece.lengths, lengths)
    for row, (item, begin, length) in enumerate(zip(piece.items, begins, lengths, strict=True)):
        steps = slice(int(begin), int(begin + length))
        assert torch.equal(piece.x[row, :length], examples.x[steps])
        assert not piece.x[row, length:].any()
        assert piece.rows[row].tolist() == [*range(steps.start, steps.stop)] + [-1] * (
            piece.x.shape[1] - length
        )
        if examples.every_step:
            assert torch.equal(piece.target[row, :length], examples.target[steps])
            assert torch.equal(piece.weight[row, :length], examples.weight[steps])
            assert not piece.weight[row, length:].any()
        else:
            assert piece.target[row] == examples.target[item]
            assert piece.weight[row] == examples.weight[item]


@FEW
@given(
    ragged(),
    st.integers(1, 9),
    st.booleans(),
    st.none() | st.integers(1, 60),
    st.sampled_from([0.0, 0.15, 0.5]),
)
def test_every_example_is_seen_once_and_whole(examples, size, shuffle, most_steps, padding):
    buckets = Buckets(examples, size, 3, shuffle, most_steps, padding)
    pieces = list(buckets.epoch(2))
    assert len(pieces) == len(buckets) == buckets.count(2)
    assert sorted(torch.cat([piece.items for piece in pieces]).tolist()) == list(range(len(examples)))
    for piece in pieces:
        check_piece(examples, piece)
        assert len(piece.items) <= size
        assert most_steps is None or piece.rows.numel() <= most_steps or len(piece.items) == 1
    padded = sum(int((piece.rows < 0).sum()) for piece in pieces) / sum(
        piece.rows.numel() for piece in pieces
    )
    assert padded <= padding
    assert padded == pytest.approx(buckets.padding(2))


@FEW
@given(ragged(), st.integers(1, 12), st.integers(1, 7), st.none() | st.integers(1, 3))
def test_crops_lie_within_their_recordings(examples, length, size, per_recording):
    crops = Crops(examples, length, size, 3, per_recording)
    pieces = list(crops.epoch(1))
    assert len(pieces) == len(crops) == crops.count(1)
    expected = (
        -(-examples.lengths // length)
        if per_recording is None
        else torch.full((len(examples),), per_recording)
    )
    items = torch.cat([piece.items for piece in pieces])
    assert torch.equal(torch.bincount(items, minlength=len(examples)), expected)
    for piece in pieces:
        begins, lengths = piece.rows[:, 0], examples.lengths[piece.items].clamp(max=length)
        assert bool((begins >= examples.offsets[piece.items]).all())
        assert bool((begins + lengths <= examples.offsets[piece.items + 1]).all())
        check_piece(examples, piece, begins, lengths)


@FEW
@given(ragged(), st.sampled_from([lambda e: Buckets(e, 4, 1), lambda e: Crops(e, 5, 4, 1)]), st.data())
def test_an_epoch_can_go_on_from_any_batch(examples, make, data):
    sampler = make(examples)
    skip = data.draw(st.integers(0, len(sampler)))
    rest = [piece.rows.tolist() for piece in make(examples).epoch(2, skip)]
    assert rest == [piece.rows.tolist() for piece in sampler.epoch(2)][skip:]


def many(count=400, seed=0):
    lengths = np.random.default_rng(seed).lognormal(4, 0.8, count).astype(int) + 1
    return Examples.of([torch.ones(length, 1) for length in lengths], torch.zeros(count, dtype=torch.long))


@pytest.mark.parametrize(
    "make", [lambda seed: Buckets(many(), 16, seed), lambda seed: Crops(many(), 20, 16, seed)]
)
def test_order_depends_on_seed_and_epoch(make):
    def order(seed, number):
        return [piece.rows.tolist() for piece in make(seed).epoch(number)]

    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(1, 0)
    assert order(0, 0) != order(0, 1)


def test_crops_begin_anywhere_and_evenly():
    examples = Examples.of([torch.zeros(14, 1)], torch.zeros(1))
    crops = Crops(examples, 5, 10, per_recording=10)
    begins = torch.cat([piece.rows[:, 0] for number in range(400) for piece in crops.epoch(number)])
    counts = torch.bincount(begins)
    assert len(counts) == 10
    assert float(((counts - 400) ** 2 / 400).sum()) < 27.9  # chi-squared, 9 degrees of freedom, 1 in 1000


def test_batches_mix_examples_of_other_lengths():
    buckets = Buckets(many(), 16)
    together = {tuple(sorted(piece.items.tolist())) for number in range(2) for piece in buckets.epoch(number)}
    assert len(together) > 1.5 * len(buckets)
    first = [piece.x.shape[1] for piece in buckets.epoch(0)]
    assert first != sorted(first)
    assert len(set(buckets.plan(0).sizes)) > 1


def test_without_shuffle_the_shortest_come_first():
    lengths = [piece.x.shape[1] for piece in Buckets(many(), 16, shuffle=False).epoch(0)]
    assert lengths == sorted(lengths)


@FEW
@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=200), st.sampled_from([0.0, 0.1, 0.15, 0.6]))
def test_buckets_keep_their_promise_and_are_as_wide_as_can_be(lengths, padding):
    lengths = np.array(lengths)
    bucket, longest = bucket_lengths(lengths, padding)
    for number, top in enumerate(longest):
        mine = lengths[bucket == number]
        assert mine.max() == top
        assert mine.sum() >= (1 - padding) * top * len(mine)
        if number:
            below = lengths[bucket == number - 1]
            assert below.max() <= mine.min()
            wider = np.append(mine, below.max())
            assert wider.sum() < (1 - padding) * top * len(wider)


@FEW
@given(st.integers(1, 500), st.integers(1, 50))
def test_batches_of_a_bucket_are_even(count, most):
    sizes = share_out(count, most)
    assert sum(sizes) == count
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-count // most)


@FEW
@given(ragged(), st.data())
def test_examples_that_are_taken_are_the_same(examples, data):
    items = torch.tensor(data.draw(st.lists(st.integers(0, len(examples) - 1), min_size=1, max_size=9)))
    taken = examples.take(items)
    assert len(taken) == len(items)
    for place, item in enumerate(items.tolist()):
        assert torch.equal(taken[place], examples[item])
        if not examples.every_step:
            assert taken.target[place] == examples.target[item]
        else:
            begin, mine = int(examples.offsets[item]), int(taken.offsets[place])
            assert torch.equal(
                taken.weight[mine : mine + len(taken[place])],
                examples.weight[begin : begin + len(taken[place])],
            )


def test_padding_hides_nan():
    x = [torch.full((2, 1), float("nan")), torch.ones(5, 1)]
    (piece,) = Buckets(Examples.of(x, torch.zeros(2)), 2, padding=0.9, shuffle=False).epoch(0)
    assert piece.x.isnan().sum() == 2
    assert not piece.x[0, 2:].any()


@pytest.mark.parametrize("latency", [0, 2])
@pytest.mark.parametrize("stride", [1, 3])
def test_labels_of_steps_stand_at_the_outputs_that_speak_of_them(latency, stride):
    lengths = [1, 2, 3, 7, 8, 9]
    steps = torch.arange(sum(lengths), dtype=torch.float32)
    examples = Examples.of(list(steps[:, None].split(lengths)), steps, every_step=True)
    timing = Timing.of(Conv1d(1, 1, 3, stride=stride, latency=latency))
    (piece,) = Buckets(examples, 6, shuffle=False, padding=0.9, timing=timing).epoch(0)
    for row, (begin, length) in enumerate(zip(examples.offsets.tolist(), lengths, strict=False)):
        spoken = [stride * (j + 1) - 1 - latency for j in range(length // stride)]
        weight = [float(step >= 0) for step in spoken]
        padding = [0.0] * (9 // stride - len(spoken))
        assert piece.weight[row].tolist() == weight + padding
        target = [float(begin + step) * (step >= 0) for step in spoken]
        assert piece.target[row].tolist() == target + padding


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: Examples.of([], torch.zeros(0)), DataError, "there are no examples"),
        (
            lambda: Examples.of([torch.zeros(0, 1), torch.zeros(2, 1)], torch.zeros(2)),
            DataError,
            "example 0 has 0 steps",
        ),
        (lambda: Examples.of([torch.zeros(2, 1)], torch.zeros(2)), ShapeError, "one for each of 1 examples"),
        (
            lambda: Examples(torch.zeros(3), torch.tensor([0, 3]), torch.zeros(1), torch.ones(1)),
            ShapeError,
            r"One code for each step is x\[:, None\]",
        ),
        (
            lambda: Examples(torch.zeros(3, 1), torch.tensor([0, 2]), torch.zeros(1), torch.ones(1)),
            ShapeError,
            "from 0 to the 3 steps of x, got 0 to 2",
        ),
        (
            lambda: Examples(torch.zeros(3, 1), torch.tensor([0, 3, 2, 3]), torch.zeros(3), torch.ones(3)),
            DataError,
            "example 1 has -1 steps",
        ),
        (
            lambda: Examples(torch.zeros(3, 1), torch.tensor([0.0, 3.0]), torch.zeros(1), torch.ones(1)),
            ShapeError,
            "offsets must be",
        ),
        (
            lambda: Examples.of([torch.zeros(2, 1)], torch.zeros(1), -torch.ones(1)),
            DataError,
            "weight must be 0 or more",
        ),
        (lambda: Buckets(many(), 0), ConfigError, "batch_size must be at least 1 example"),
        (lambda: Buckets(many(), 2, most_steps=0), ConfigError, "most_steps must be at least 1 step"),
        (
            lambda: Buckets(many(), 2, padding=1.0),
            ConfigError,
            "padding must be a share of 0 or more and below 1",
        ),
        (lambda: Buckets(many(), 2).epoch(0, skip=-1), ConfigError, "skip must be 0 to 2"),
        (lambda: Crops(many(), 0, 2), ConfigError, "length must be at least 1 step"),
        (lambda: Crops(many(), 3, 2, per_recording=0), ConfigError, "per_recording must be at least 1 crop"),
        (
            lambda: Buckets(
                Examples.of([torch.zeros(5, 1), torch.zeros(2, 1)], torch.zeros(2)),
                2,
                timing=Timing.of(Conv1d(1, 1, 4, stride=4)),
            ),
            DataError,
            "example 1 has 2 steps, too few for an output of the model, which has stride 4",
        ),
    ],
)
def test_what_is_wrong_is_said(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
