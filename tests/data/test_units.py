"""Units of numeric times that change within a file: each number by its own size, or a refusal; never a silent jump."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.reading import read_panel
from ostinato.data.trades import read_trades
from ostinato.errors import DataError

UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
NEW_YEAR = 1_735_689_600  # 2025, when an exchange's files changed from ms to µs


def trades(times):
    return pl.DataFrame({"time": times, "price": 1.5, "amount": 1.0})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(list(UNITS)), min_size=2, max_size=30),
    st.integers(200_000_000, 4_000_000_000),
    st.lists(st.integers(0, 3600), min_size=30, max_size=30),
)
def test_each_time_by_its_own_size_where_they_meet(units, first, steps):
    seconds = first + np.cumsum(steps)[: len(units)]
    read = read_trades(trades([int(s) * UNITS[unit] for s, unit in zip(seconds, units, strict=True)]))
    np.testing.assert_array_equal(read.time, seconds)
    assert read.report.time_unit == " and ".join(unit for unit in UNITS if unit in units)
    assert any(note.startswith(f"times were taken as {read.report.time_unit} ") for note in read.report.notes)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 49), st.permutations(list(UNITS)), st.sampled_from(list(UNITS)))
def test_one_unit_for_all_is_refused_where_times_then_jump(at, units, named):
    seconds = NEW_YEAR + 60 * np.arange(50)
    times = [int(s) * UNITS[units[0 if row < at else 1]] for row, s in enumerate(seconds)]
    with pytest.raises(DataError, match=f"row {at} of the table") as caught:
        read_trades(trades(times), time_unit=named)
    assert "the size of the times changes" in str(caught.value)
    assert "Leave --time-unit (in Python time_unit=) out" in str(caught.value)
    np.testing.assert_array_equal(read_trades(trades(times)).time, seconds)  # as advised


def test_the_row_in_which_the_unit_changes_is_told(tmp_path):
    seconds = NEW_YEAR - 100 + np.arange(200)
    path = tmp_path / "x.csv"
    trades(np.where(seconds < NEW_YEAR, seconds * 1000, seconds * 10**6)).write_csv(path)
    read = read_trades(path)
    np.testing.assert_array_equal(read.time, seconds)
    assert read.report.notes[0] == (
        "times were taken as ms and us since 1970, each by its size: the unit changes from ms to us in row 102 of the "
        "file"
    )


def test_parts_that_do_not_meet_are_refused_without_bad_advice():
    seconds = np.append(NEW_YEAR - 90 * 86_400 + np.arange(100), NEW_YEAR + np.arange(100))
    times = np.where(seconds < NEW_YEAR, seconds * 1000, seconds * 10**6)
    for unit in (None, "ms", "us"):
        with pytest.raises(DataError, match=r"row 100 of the table.*read each part by itself") as caught:
            read_trades(trades(times), time_unit=unit)
        assert "name one unit" not in str(caught.value)
        assert "Leave --time-unit" not in str(caught.value)


def test_a_stray_number_is_named():
    times = [*range(1_534_131_390_000, 1_534_131_440_000, 1000)]
    times[20] = 5
    with pytest.raises(
        DataError, match=r"row 20 of the table .* is 5, by its size in s, while most times are in ms"
    ):
        read_trades(trades(times))


def test_milliseconds_since_before_1973_are_one_unit():
    days = np.arange(-800, 5000) * 86_400
    frame = pl.DataFrame({"time": days * 1000, "y": np.arange(5800.0)})
    for unit in (None, "ms"):
        panel = read_panel(frame, target="y", time_unit=unit)
        np.testing.assert_array_equal(panel.time, days)
        assert panel.step == 86_400


@pytest.mark.parametrize(("unit", "days"), [("ms", 1300), ("us", 5000), ("ns", 2000)])
def test_numbers_since_1970_have_the_unit_of_the_largest(unit, days):
    seconds = 86_400 * np.arange(days)  # most numbers are as small as those of a larger unit
    panel = read_panel(pl.DataFrame({"time": seconds * UNITS[unit], "y": seconds * 1.0}), target="y")
    np.testing.assert_array_equal(panel.time, seconds)


def test_one_unit_for_all_that_ends_in_the_far_future_is_refused():
    times = 86_400 * 10**9 * np.arange(120)  # by the largest these would be µs of 1970 to 2295
    with pytest.raises(DataError, match="while most times are in us, and the times do not go on"):
        read_trades(trades(times))


@pytest.mark.parametrize("together", [True, False], ids=["rows of series alternate", "series end to end"])
def test_each_series_may_have_its_unit(together):
    hours = NEW_YEAR + 3600 * np.arange(60)
    frame = pl.concat(
        pl.DataFrame({"time": hours * scale, "y": np.arange(60.0), "id": name})
        for name, scale in (("A", 1000), ("B", 10**6), ("C", 1000))
    )
    if together:
        frame = frame.with_columns(row=np.tile(np.arange(60), 3)).sort("row", "id").drop("row")
    panel = read_panel(frame, target="y", id="id")
    np.testing.assert_array_equal(panel.time, np.tile(hours, 3))
    assert panel.ids == ("A", "B", "C")
    with pytest.raises(DataError, match="the size of the times changes, and if all are in ms they jump"):
        read_panel(frame, target="y", id="id", time_unit="ms")


def test_a_series_far_from_the_others_is_refused():
    hours = NEW_YEAR + 3600 * np.arange(60)
    frame = pl.DataFrame(
        {
            "time": np.append(hours * 1000, np.arange(50) * 3600),
            "y": np.arange(110.0),
            "id": ["A"] * 60 + ["B"] * 50,
        }
    )
    with pytest.raises(DataError, match=r"row 60 of the table .* is 0, by its size in s"):
        read_panel(frame, target="y", id="id")
