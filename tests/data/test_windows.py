"""Windows of steps: what is in them, how often, and in which order."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ostinato.data.steps import Steps
from ostinato.data.windows import Windows
from ostinato.errors import ConfigError, DataError


@st.composite
def cases(draw):
    """Steps, some without a label, in any number of sequences; a window length and a batch size."""
    count = draw(st.integers(1, 40))
    flags = st.lists(st.booleans(), min_size=count, max_size=count)
    labelled = torch.tensor(draw(flags.filter(any)))
    starts = draw(st.none() | flags.map(torch.tensor))
    x = torch.arange(1.0, 1 + 2 * count).reshape(count, 2)
    steps = Steps(x, x[:, 0] * 10, labelled * 0.5, starts)
    return steps, draw(st.integers(1, 12)), draw(st.integers(1, 45))


def naive_window(steps, row, length):
    """One window, step by step."""
    window = torch.zeros(length, steps.x.shape[1])
    for place in range(length - 1, -1, -1):
        window[place] = steps.x[row]
        if row == 0 or (steps.starts is not None and steps.starts[row]):
            break
        row -= 1
    return window


@given(cases(), st.booleans(), st.integers(0, 5))
def test_every_labelled_step_ends_one_window(case, shuffle, number):
    steps, length, batch_size = case
    windows = Windows(steps, length, batch_size, seed=3, shuffle=shuffle)
    batches = list(windows.epoch(number))
    rows = torch.cat([batch.rows for batch in batches])
    assert sorted(rows.tolist()) == steps.weight.nonzero()[:, 0].tolist()
    assert len(batches) == len(windows) == windows.count(number)
    assert all(len(batch.rows) == batch_size for batch in batches[:-1])
    for batch in batches:
        for at, row in enumerate(batch.rows.tolist()):
            assert torch.equal(batch.x[at], naive_window(steps, row, length))
        assert torch.equal(batch.target, steps.target[batch.rows])
        assert torch.equal(batch.weight, steps.weight[batch.rows])


@given(cases(), st.data())
def test_an_epoch_can_go_on_from_any_batch(case, data):
    windows = Windows(*case, seed=1)
    skip = data.draw(st.integers(0, len(windows)))
    rest = [batch.rows.tolist() for batch in windows.epoch(2, skip)]
    assert rest == [batch.rows.tolist() for batch in windows.epoch(2)][skip:]


def plain(count=50, **options):
    x = torch.arange(3.0 * count).reshape(count, 3)
    return Steps(x, torch.arange(2 * count).reshape(count, 2), torch.ones(count), **options)


def rows(windows, number):
    return torch.cat([batch.rows for batch in windows.epoch(number)]).tolist()


def test_order_depends_on_seed_and_epoch():
    first, again, other = (Windows(plain(), 4, 8, seed) for seed in (0, 0, 1))
    assert rows(first, 0) == rows(again, 0)
    assert len({tuple(rows(w, n)) for w, n in ((first, 0), (first, 1), (other, 0), (other, 1))}) == 4
    assert rows(Windows(plain(), 4, 8, shuffle=False), 7) == list(range(50))


@pytest.mark.parametrize("starts", [None, torch.arange(50) % 7 == 0])
def test_memory_is_channel_first(starts):
    batch = next(Windows(plain(starts=starts), 4, 8).epoch(0))
    assert batch.x.shape == (8, 4, 3)
    assert batch.x.transpose(1, 2).is_contiguous()
    assert batch.target.shape == (8, 2)


def test_the_past_of_another_sequence_is_not_seen_even_where_it_is_nan():
    x = torch.full((6, 1), float("nan"))
    x[3:] = 1
    steps = Steps(x, x[:, 0], torch.tensor([0.0, 0, 0, 1, 1, 1]), torch.arange(6) == 3)
    assert next(Windows(steps, 5, 9, shuffle=False).epoch(0)).x.sum(1).flatten().tolist() == [1, 2, 3]


def test_impossible_windows():
    with pytest.raises(ConfigError, match="length must be at least 1 step, got 0"):
        Windows(plain(), 0, 8)
    with pytest.raises(ConfigError, match="batch_size must be at least 1 window, got 0"):
        Windows(plain(), 8, 0)
    with pytest.raises(DataError, match="no step has a label: every weight is 0"):
        Windows(Steps(torch.ones(3, 1), torch.ones(3), torch.zeros(3)), 2, 2)
    with pytest.raises(ConfigError, match="skip must be 0 to 7, the batches of this epoch, got 8"):
        Windows(plain(), 4, 8).epoch(0, skip=8)
    with pytest.raises(ConfigError, match="seed and epoch must be 0 or more, got 0 and -1"):
        Windows(plain(), 4, 8).epoch(-1)


@pytest.mark.parametrize(
    ("size", "sizes"), [(7, [7] * 6 + [8]), (49, [50]), (50, [50]), (8, [8] * 6 + [2]), (1, [1] * 50)]
)
def test_one_window_left_over_joins_the_batch_before(size, sizes):
    batches = list(Windows(plain(), 4, size).epoch(0))
    assert [len(batch.rows) for batch in batches] == sizes
    assert sorted(torch.cat([batch.rows for batch in batches]).tolist()) == list(range(50))
