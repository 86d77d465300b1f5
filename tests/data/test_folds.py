"""Train, validation and test rows: in the order of time, apart, and the same moments for all series."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.folds import folds_of
from ostinato.data.panel import Panel
from ostinato.errors import ConfigError, DataError

START = 1_600_000_000.0  # 2020-09-13T12:26:40
FRACTIONS = st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.25, 0.25), (0.6, 0.2, 0.2)])


@dataclass(frozen=True)
class Named:
    source: str = "made up"

    def lines(self):
        return []


def panel(*spans, step=60.0):
    """Series from row to row of one clock."""
    spans = [(0, span) if isinstance(span, int) else span for span in spans]
    time = np.concatenate([START + step * np.arange(*span) for span in spans])
    starts = np.cumsum([0, *(stop - start for start, stop in spans[:-1])])
    return Panel(
        "table", time, {"a": np.zeros(len(time))}, Named(), starts, tuple(map(str, range(len(spans))))
    )


def by_series(some, rows):
    """Rows of each series, as rows of it."""
    return [rows[some.series[rows] == place] - start for place, start in enumerate(some.starts)]


@settings(deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(200, 400)), min_size=1, max_size=4),
    purge=st.integers(0, 8),
    fractions=FRACTIONS,
    count=st.integers(1, 4),
    window=st.sampled_from(["expanding", "rolling"]),
)
def test_parts_are_apart_and_no_label_looks_into_the_next(spans, purge, fractions, count, window):
    some = panel(*spans)
    for fold in folds_of(some, purge, fractions, count=count, window=window):
        parts = (fold.train, fold.validation, fold.test)
        together = np.concatenate(parts)
        assert len(np.unique(together)) == len(together)
        assert all((np.diff(part) > 0).all() for part in (*parts, fold.used))
        for earlier, later in ((fold.train, fold.validation), (fold.validation, fold.test)):
            assert some.time[earlier].max() < some.time[later].min()
            for first, second in zip(by_series(some, earlier), by_series(some, later), strict=True):
                if len(first) and len(second):
                    assert first.max() + purge < second.min()
        assert np.isin(np.concatenate(parts[:2]), fold.used).all()
        assert not np.isin(fold.test, fold.used).any()


@settings(deadline=None)
@given(
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(200, 400)), min_size=1, max_size=4),
    fractions=FRACTIONS,
    count=st.integers(1, 6),
    window=st.sampled_from(["expanding", "rolling"]),
)
def test_folds_cover_the_test_part_exactly(spans, fractions, count, window):
    some = panel(*spans)
    (whole,) = folds_of(some, 2, fractions)
    folds = folds_of(some, 2, fractions, count=count, window=window)
    assert len(folds) == count
    covered = np.concatenate([fold.test for fold in folds])
    assert np.array_equal(np.sort(covered), whole.test)
    assert len(np.unique(covered)) == len(covered)


@settings(deadline=None)
@given(st.integers(100, 3000), st.integers(0, 5), FRACTIONS)
def test_one_series_is_cut_by_its_rows(rows, purge, fractions):
    (fold,) = folds_of(panel(rows), purge, fractions)
    first, second = round(rows * fractions[0]), round(rows * (fractions[0] + fractions[1]))
    assert np.array_equal(fold.train, np.arange(first - purge))
    assert np.array_equal(fold.validation, np.arange(first, second - purge))
    assert np.array_equal(fold.test, np.arange(second, rows))
    assert np.array_equal(fold.used, np.arange(second))


def test_a_walk_forward_expands_or_rolls():
    expanding = folds_of(panel(100), 1, (0.5, 0.1, 0.4), count=4)
    rolling = folds_of(panel(100), 1, (0.5, 0.1, 0.4), count=4, window="rolling")
    assert [(fold.train[0], fold.train[-1]) for fold in expanding] == [(0, 48), (0, 58), (0, 68), (0, 78)]
    assert [(fold.train[0], fold.train[-1]) for fold in rolling] == [(0, 48), (10, 58), (20, 68), (30, 78)]
    for folds in (expanding, rolling):
        assert [(fold.validation[0], fold.validation[-1]) for fold in folds] == [
            (50, 58),
            (60, 68),
            (70, 78),
            (80, 88),
        ]
        assert [(fold.test[0], fold.test[-1]) for fold in folds] == [(60, 69), (70, 79), (80, 89), (90, 99)]
    assert [(fold.used[0], fold.used[-1]) for fold in rolling] == [(0, 59), (10, 69), (20, 79), (30, 89)]


def test_series_are_cut_at_the_same_moment():
    """A series that begins late has fewer rows to train on, not other times."""
    some = panel((0, 100), (60, 100))
    (fold,) = folds_of(some, 0, (0.5, 0.2, 0.3))
    for part in (fold.train, fold.validation, fold.test):
        early, late = by_series(some, part)
        assert np.array_equal(early[early >= 60], late + 60)


def test_trades_of_one_moment_are_cut_by_number():
    some = panel(100, step=0.0)
    (fold,) = folds_of(some, 1, (0.6, 0.2, 0.2))
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (59, 19, 20)


def test_bounds_as_rows_and_as_times():
    some = panel(100)
    times = ("2020-09-13T13:16:40", "2020-09-13T15:36:40+02:00", "2020-09-13T13:56:40+00:00")
    for bounds in ((50, 70, 90), times):
        (fold,) = folds_of(some, 2, bounds=bounds)
        assert np.array_equal(fold.train, np.arange(48))
        assert np.array_equal(fold.validation, np.arange(50, 68))
        assert np.array_equal(fold.test, np.arange(70, 88)), (
            "labels of rows 88 and 89 are not in the test part"
        )
    some = panel((0, 100), (60, 100))
    (fold,) = folds_of(some, 2, bounds=("2020-09-13T13:31:40", *times[1:]))
    assert [part.tolist() for part in by_series(some, fold.validation)] == [[65, 66, 67], [5, 6, 7]]


@pytest.mark.parametrize(("count", "window"), [(1, "expanding"), (3, "expanding"), (3, "rolling")])
@pytest.mark.parametrize("last", [90, 100])
@pytest.mark.parametrize("purge", [1, 4])
def test_no_label_lies_beyond_the_part_of_its_row(count, window, last, purge):
    """Of several folds the test part is all blocks together."""
    for fold in folds_of(panel(100), purge, bounds=(50, 60, last), count=count, window=window):
        assert fold.train[-1] + purge == fold.validation[0] - 1
        assert fold.validation[-1] + purge == fold.test[0] - 1
        assert last == 100 or fold.test[-1] + purge < last
    assert fold.test[-1] == (99 if last == 100 else last - 1 - purge)


@pytest.mark.parametrize("window", ["expanding", "rolling"])
def test_errors_are_scaled_by_the_whole_train_part(window):
    """The purge leaves out rows without a label within the part; their values are known all the same."""
    for fold in folds_of(panel(100), 7, (0.5, 0.2, 0.3), count=2, window=window):
        assert np.array_equal(fold.scaled_by, np.arange(fold.train[0], fold.validation[0]))
        assert len(fold.scaled_by) == len(fold.train) + 7


def test_a_test_part_that_holds_no_label_is_refused():
    for last in (75, 77):
        with pytest.raises(DataError, match="the test part has 0 rows left where labels look 7 ahead"):
            folds_of(panel(100), 7, bounds=(50, 70, last))
    (fold,) = folds_of(panel(100), 7, bounds=(50, 70, 78))
    assert np.array_equal(fold.test, [70])


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        (
            (50, 50, 90),
            "bounds must be three ascending ends of train, validation and test within 100 rows, got 50, ",
        ),
        ((50, 70, 101), "got 50, 70, 101, which are rows 50, 70, 101."),
        ((0, 70, 90), "which are rows 0, 70, 90."),
        ((50, 70, "noon"), "bound 'noon' is neither a number of rows nor a time like 2017-06-26T00:00."),
        ((50, 70, "2019-01-01"), "got 50, 70, 2019-01-01, which are rows 50, 70, 0."),
    ],
)
def test_bounds_that_cannot_be(bounds, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        folds_of(panel(100), 1, bounds=bounds)


def test_rows_do_not_bound_several_series():
    with pytest.raises(ConfigError, match="bounds of several series must be times, such as 2017-06-26"):
        folds_of(panel(100, 100), 1, bounds=(50, 70, 90))


@pytest.mark.parametrize(
    "fractions", [(0.7, 0.1, 0.1), (1.2, -0.4, 0.2), (0.8, 0, 0.2), (float("nan"), 0.5, 0.5)]
)
def test_fractions_must_cut_a_whole(fractions):
    with pytest.raises(ConfigError, match=re.escape(f"must be above 0 and add up to 1, got {fractions}")):
        folds_of(panel(100), 1, fractions)


def test_too_little_is_refused():
    with pytest.raises(ConfigError, match="folds must be at least 1, got 0"):
        folds_of(panel(100), 1, count=0)
    with pytest.raises(
        DataError, match="50 rows are too few: the validation part has 0 rows left where labels"
    ):
        folds_of(panel(50), 5)
    with pytest.raises(
        DataError, match="the test part of one of 30 folds has 3 rows left where labels look 5 ahead"
    ):
        folds_of(panel(500), 5, count=30)
    for rows in (0, 1, 2):
        with pytest.raises(DataError, match="too few"):
            folds_of(panel(rows), 1)
