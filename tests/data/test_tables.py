"""Regular series from tables: steps, gaps, clocks, several series, what is known in advance."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.reading import read_panel
from ostinato.errors import ColumnError, ConfigError, DataError


def table(times, **more):
    """A table of text times and a value that counts rows."""
    rows = len(times)
    return pl.DataFrame({"time": [str(time) for time in times], "y": np.arange(rows, dtype=float) % 7} | more)


def stamps(begin, periods, freq, zone=None):
    return pd.date_range(begin, periods=periods, freq=freq, tz=zone)


def test_an_hourly_table(tmp_path):
    path = tmp_path / "x.csv"
    frame = table(stamps("2020-01-01", 48, "h"), temperature=np.arange(48.0), text=["a"] * 48)
    frame.write_csv(path)
    panel = read_panel(path, target="y", covariates=["*"])
    assert (panel.kind, panel.step, panel.season, panel.targets, panel.known) == (
        "table",
        3600,
        24,
        ("y",),
        (),
    )
    assert list(panel.values) == ["y", "temperature"]
    assert panel.observed is None
    np.testing.assert_array_equal(panel.values["temperature"], np.arange(48))
    np.testing.assert_array_equal(panel.time, 1577836800 + 3600 * np.arange(48))
    lines = panel.report.lines()
    assert lines[0] == "read 48 rows from x.csv, one every hour"
    assert lines[2] == "columns: time, target from 'y'; covariates 'temperature'"
    assert lines[3] == "y from 0 to 6"


STEPS = {
    "1s": ("s", 1.0, 60),
    "1 min": ("min", 60.0, 1440),
    "10 min": ("10min", 600.0, 144),
    "hour": ("h", 3600.0, 24),
    "4 hours": ("4h", 14400.0, 6),
    "day": ("D", 86400.0, 7),
    "working day": ("B", None, 5),
    "week": ("W", 604800.0, 52),
    "30 days": ("30D", 2592000.0, None),
    "month": ("MS", None, 12),
    "month's end": ("ME", None, 12),
    "quarter": ("QS", None, 4),
    "year": ("YS", None, None),
}


@pytest.mark.parametrize(("freq", "step", "season"), STEPS.values(), ids=STEPS)
def test_steps(freq, step, season):
    panel = read_panel(table(stamps("2020-01-01", 40, freq)), target="y")
    assert (panel.step, panel.season, len(panel), panel.observed) == (step, season, 40, None)


@pytest.mark.parametrize("freq", ["10min", "h", "D", "B", "W", "MS", "ME", "QS"])
@pytest.mark.parametrize("reverse", [False, True])
def test_missing_steps_are_filled_with_the_values_before(freq, reverse):
    times = stamps("2020-01-01", 60, freq)
    frame = table(times).filter(~pl.int_range(60).is_in([7, 30, 31]))
    panel = read_panel(frame.reverse() if reverse else frame, target="y")
    assert np.flatnonzero(~panel.observed).tolist() == [7, 30, 31]
    np.testing.assert_array_equal(panel.values["y"][[6, 7, 8]], [6, 6, 1])
    np.testing.assert_array_equal(panel.values["y"][[29, 30, 31, 32]], [1, 1, 1, 4])
    assert panel.report.missing == 3
    assert any(
        re.match("3 steps of .* missing .* the longest gap is 2 steps after", n) for n in panel.report.notes
    )
    if freq != "ME":  # after a short month the day of the next is not known
        np.testing.assert_array_equal(panel.time, times.to_numpy("datetime64[s]").astype(float))


def test_too_much_is_missing():
    long = table(stamps("2020-01-01", 100, "h"))
    with pytest.raises(
        DataError, match=r"row 20 .*, 11 steps of 1 hour after the one before .*10% of the series"
    ):
        read_panel(long.filter(~pl.int_range(100).is_between(20, 30)), target="y")
    often = long.filter(pl.int_range(100) % 4 != 1)
    with pytest.raises(DataError, match=r"25% of the steps are missing, more than the 20% that are filled"):
        read_panel(often, target="y")


def test_irregular_times():
    times = [*stamps("2020-01-01", 10, "h"), pd.Timestamp("2020-01-01 10:07")]
    words = r"the time in row 10 .* is '2020-01-01 10:07:00', 1.12 hours after the row before \(2020-01-01 09:00:00\)"
    with pytest.raises(DataError, match=words + ".*the usual step is 1 hour"):
        read_panel(table(times), target="y")


def test_repeated_times():
    times = [str(time) for time in stamps("2020-01-01", 10, "h") for _ in range(2)]
    with pytest.raises(
        DataError, match=r"row 1 .*the same time as in row 0 .*name the column that tells series apart"
    ):
        read_panel(table(times), target="y")
    with pytest.raises(DataError, match=r"If 'shop' tells several series apart, name it with --id shop"):
        read_panel(table(times, shop=["a", "b"] * 10), target="y")


def test_out_of_order():
    times = [str(time) for time in stamps("2020-01-01", 10, "h")]
    times[4], times[5] = times[5], times[4]
    with pytest.raises(
        DataError, match=r"row 5 .* after '2020-01-01 05:00:00', while other rows are oldest first"
    ):
        read_panel(table(times), target="y")
    with pytest.raises(
        DataError, match=r"row 5 .* after '2020-01-01 04:00:00', while other rows are newest first"
    ):
        read_panel(table(times[::-1]), target="y")


def test_series_of_any_order_in_one_table():
    first, second = stamps("2020-01-01", 30, "h"), stamps("2020-01-01 05:00", 20, "h")
    a, b = table(first, id=["a"] * 30), table(second, id=["b"] * 20).with_columns(y=pl.col("y") + 100)
    mixed = pl.concat([a, b]).sample(fraction=1.0, shuffle=True, seed=1).sort("time")
    for frame in (mixed, mixed.reverse()):
        panel = read_panel(frame, target="y", id="id")
        assert set(panel.ids) == {"a", "b"}
        at = {name: slice(x, y) for name, x, y in zip(panel.ids, panel.starts, panel.stops, strict=True)}
        np.testing.assert_array_equal(panel.values["y"][at["a"]], a["y"])
        np.testing.assert_array_equal(panel.values["y"][at["b"]], b["y"])
        np.testing.assert_array_equal(panel.time[at["b"]], second.to_numpy("datetime64[s]").astype(float))
        assert any(
            note.startswith("the series have different spans: they begin") for note in panel.report.notes
        )
        assert panel.report.lines()[0].startswith("read 50 rows of 2 series")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abc"), min_size=6, max_size=40))
def test_interleaved_series_keep_their_rows(ids):
    counts = dict.fromkeys(ids, 0)
    times = []
    for name in ids:
        times.append(1_500_000_000 + 60 * counts[name])
        counts[name] += 1
    frame = pl.DataFrame({"time": times, "y": np.arange(len(ids), dtype=float), "id": ids})
    panel = read_panel(frame, target="y", id="id")
    for name, start, stop in zip(panel.ids, panel.starts, panel.stops, strict=True):
        assert panel.values["y"][start:stop].tolist() == [k for k, other in enumerate(ids) if other == name]


def test_ids_that_are_missing():
    frame = table(stamps("2020-01-01", 4, "h"), id=["a", None, "a", "a"])
    with pytest.raises(ColumnError, match=r"row 1 of the table .* has no id in 'id'"):
        read_panel(frame, target="y", id="id")
    with pytest.raises(ColumnError, match=r"the id of the series column 'id' holds Binary.*--id NAME"):
        read_panel(frame.with_columns(id=pl.lit(b"\xff")), target="y", id="id")
    with pytest.raises(ColumnError, match=r"no column 'idd' for the id. Did you mean 'id'\?"):
        read_panel(frame, target="y", id="idd")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
@pytest.mark.parametrize("freq", ["15min", "h"])
@pytest.mark.parametrize("reverse", [False, True])
def test_local_times_through_a_year(zone, freq, reverse):
    """pandas makes the local times, both hours of the autumn night, and knows the instants."""
    times = stamps("2021-01-01", 24 * 365 * (4 if freq == "15min" else 1), freq, "UTC")
    frame = table(times.tz_convert(zone).tz_localize(None))
    panel = read_panel(frame.reverse() if reverse else frame, target="y", time_zone=zone)
    np.testing.assert_array_equal(panel.time, times.tz_localize(None).to_numpy("datetime64[s]").astype(float))
    with pytest.raises(
        DataError, match=r"look like times of a zone with summer time. Name it with --time-zone"
    ):
        read_panel(frame.reverse() if reverse else frame, target="y")


def test_the_spring_night_alone_is_noticed():
    times = stamps("2021-03-20", 24 * 12, "h", "UTC").tz_convert("Europe/Berlin").tz_localize(None)
    with pytest.raises(DataError, match=r"after an hour that is left out as if clocks were put forward"):
        read_panel(table(times), target="y")
    panel = read_panel(table(times), target="y", time_zone="UTC")
    assert (~panel.observed).sum() == 1


def test_an_hour_that_no_clock_showed():
    frame = table(stamps("2021-03-28", 10, "h"))
    with pytest.raises(
        DataError, match=r"row 2 .*'2021-03-28 02:00:00', which no clock in Europe/Berlin ever showed"
    ):
        read_panel(frame, target="y", time_zone="Europe/Berlin")


@pytest.mark.parametrize("given_as", ["local", "offset", "native"])
def test_days_of_23_and_25_hours(given_as):
    times = stamps("2021-03-01", 300, "D", "Europe/Berlin")
    frame = table(times.strftime("%Y-%m-%dT%H:%M:%S%z") if given_as == "offset" else times.tz_localize(None))
    utc = times.tz_convert("UTC").tz_localize(None)
    if given_as == "native":
        stamped = pl.Series(utc.to_numpy()).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
        frame = frame.with_columns(time=stamped)
    frame = frame.filter(pl.int_range(300) != 100)
    panel = read_panel(frame, target="y", time_zone="Europe/Berlin" if given_as == "local" else None)
    assert (panel.step, panel.season) == (86400, 7)
    np.testing.assert_array_equal(
        panel.time, times.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[s]").astype(float)
    )
    assert np.flatnonzero(~panel.observed).tolist() == [100]


def test_zones_that_are_none():
    with pytest.raises(ConfigError, match=r"no time zone 'Europe/Berln'. Did you mean 'Europe/Berlin'\?"):
        read_panel(table(stamps("2021-03-28", 10, "h")), target="y", time_zone="Europe/Berln")


def test_rows_of_the_future_tell_what_is_known():
    frame = table(stamps("2020-01-01", 30, "h"), price=np.arange(30.0), seen=np.arange(30.0))
    frame = frame.with_columns(
        y=pl.when(pl.int_range(30) < 25).then("y"), seen=pl.when(pl.int_range(30) < 25).then("seen")
    )
    panel = read_panel(frame, target="y", known=["price"], covariates=["seen"])
    assert len(panel) == 30
    assert np.flatnonzero(~panel.observed).tolist() == [25, 26, 27, 28, 29]
    assert panel.values["price"].tolist() == list(range(30))
    assert panel.values["seen"][24:].tolist() == [24] * 6
    assert panel.known == ("price",)
    short = read_panel(frame, target="y", covariates=["seen"])
    assert (len(short), short.observed) == (25, None)
    assert "5 rows after the last values left out" in short.report.notes
    with pytest.raises(DataError, match=r"the known in row 27 .* is empty; it must be a number"):
        read_panel(
            frame.with_columns(price=pl.when(pl.int_range(30) != 27).then("price")),
            target="y",
            known=["price"],
        )


def test_empty_targets_are_missing_steps(tmp_path):
    frame = table(stamps("2020-01-01", 60, "h"), z=np.ones(60))
    frame = frame.with_columns(
        y=pl.when(~pl.int_range(60).is_in([0, 9, 40])).then("y"), z=pl.when(pl.int_range(60) != 20).then("z")
    )
    frame.write_csv(tmp_path / "x.csv")
    for source in (frame, frame.to_pandas(), tmp_path / "x.csv"):
        panel = read_panel(source, target="y,z")
        assert panel.targets == ("y", "z")
        assert np.flatnonzero(~panel.observed).tolist() == [8, 19, 39]  # the first row has no value before it
        assert panel.values["y"][8] == panel.values["y"][7]
        assert "1 row before the first values left out" in panel.report.notes
        assert any("3 steps of 1 hour missing" in note for note in panel.report.notes)


def test_what_is_no_number(tmp_path):
    frame = table(stamps("2020-01-01", 9, "h"))
    path = tmp_path / "x.csv"
    for cell, words in (
        (
            "abc",
            r"the target in row 5 of the file is 'abc', which is not a number.*another column with --target NAME",
        ),
        ("NaN", r"row 5 of the file is 'NaN'; it must be a finite number or empty"),
        ("inf", r"row 5 of the file is 'inf'; it must be a finite number or empty"),
    ):
        frame.with_columns(
            y=pl.when(pl.int_range(9) == 3).then(pl.lit(cell)).otherwise(pl.col("y").cast(pl.String))
        ).write_csv(path)
        with pytest.raises(DataError, match=words):
            read_panel(path, target="y")


def test_columns_that_are_not_there():
    frame = table(stamps("2020-01-01", 9, "h"), temperature=np.ones(9))
    with pytest.raises(
        ColumnError, match=r"no column 'temprature' for the target.*Did you mean 'temperature'\?"
    ):
        read_panel(frame, target="temprature")
    with pytest.raises(ColumnError, match=r"no column 'y2' that is known"):
        read_panel(frame, target="y", known=["y2"])
    with pytest.raises(ColumnError, match=r"'y' of the data frame is named for two uses"):
        read_panel(frame, target="y", known=["y"])
    with pytest.raises(ColumnError, match="no column of the data frame looks like the time"):
        read_panel(frame.drop("time"), target="y")
    with pytest.raises(ColumnError, match=r"looks like a price.*forecast any column with --target NAME"):
        read_panel(frame)


def test_a_constant_series_is_noted():
    panel = read_panel(table(stamps("2020-01-01", 9, "h"), c=np.ones(9)), target="c")
    assert "'c' never changes: there is nothing to forecast" in panel.report.notes


def test_holidays_by_the_local_date():
    times = stamps("2020-12-24", 24 * 5, "h", "UTC").tz_convert("America/New_York").tz_localize(None)
    panel = read_panel(table(times), target="y", time_zone="America/New_York", holidays="US")
    assert panel.known == ("holiday",)
    np.testing.assert_array_equal(panel.values["holiday"], (times.day == 25).astype(float))
    part = read_panel(table(stamps("2021-01-01", 9, "D")), target="y", holidays="DE-BY")
    assert part.values["holiday"].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0]  # New Year and Epiphany
    market = read_panel(table(stamps("2021-01-15", 9, "D")), target="y", holidays="NYSE")
    assert np.flatnonzero(market.values["holiday"]).tolist() == [3]  # Martin Luther King's day
    for place, words in (("USA1", "the holidays of 'USA1' are not known"), ("DE-XX", "DE has no part 'XX'")):
        with pytest.raises(ConfigError, match=words):
            read_panel(table(times), target="y", time_zone="America/New_York", holidays=place)


def test_real_table(real_data):
    panel = read_panel(real_data / "series" / "ETTh1.csv", target="OT", covariates=["*"])
    assert (len(panel), panel.step, panel.season, panel.observed) == (17_420, 3600, 24, None)
    assert list(panel.values) == ["OT", "HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL"]
    raw = pl.read_csv(real_data / "series" / "ETTh1.csv")
    np.testing.assert_array_equal(panel.values["OT"], raw["OT"])
