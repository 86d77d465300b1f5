"""A date in one column and a time of day in another are one time, in any spelling of either."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data.reading import read_panel
from ostinato.data.trades import read_trades
from ostinato.errors import ColumnError, DataError

STAMPS = pd.date_range("2023-01-02 00:30", periods=100, freq="30min")
SECONDS = STAMPS.as_unit("s").astype(np.int64).to_numpy()
DATES = {
    "ISO": lambda stamps: stamps.strftime("%Y-%m-%d"),
    "points": lambda stamps: stamps.strftime("%Y.%m.%d"),
    "digits": lambda stamps: stamps.strftime("%Y%m%d"),
    "numbers": lambda stamps: stamps.strftime("%Y%m%d").astype(int),
    "dates": lambda stamps: stamps.date,
    "datetimes": lambda stamps: stamps.normalize(),
}
CLOCKS = {
    "HH:MM:SS": lambda stamps: stamps.strftime("%H:%M:%S"),
    "HH:MM": lambda stamps: stamps.strftime("%H:%M"),
    "HHMMSS": lambda stamps: stamps.strftime("%H%M%S"),
    "HHMM": lambda stamps: stamps.strftime("%H%M"),
    "HMMSS": lambda stamps: stamps.strftime("%H%M%S").astype(int),
    "HMM": lambda stamps: stamps.strftime("%H%M").astype(int),
    "floats": lambda stamps: stamps.strftime("%H%M%S").astype(float),
    "HHMMSSfff": lambda stamps: stamps.strftime("%H%M%S") + "000",
    "decimals": lambda stamps: stamps.strftime("%H%M%S.%f"),
    "times": lambda stamps: stamps.time,
    "spans": lambda stamps: stamps - stamps.normalize(),
}


def trades(stamps, date, clock, names=("<DATE>", "<TIME>")):
    return pd.DataFrame(
        {names[0]: DATES[date](stamps), names[1]: CLOCKS[clock](stamps), "price": 1.5, "vol": 1.0}
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 47),
    st.integers(60, 300),
    st.sampled_from(list(DATES)),
    st.sampled_from(list(CLOCKS)),
    st.booleans(),
)
def test_pairs_are_joined(tmp_path_factory, first, rows, date, clock, in_file):
    stamps = pd.date_range("2023-01-02", periods=first + rows, freq="30min")[first:]
    source = trades(stamps, date, clock)
    if in_file and clock != "spans":  # which CSV has no spelling for
        path = tmp_path_factory.mktemp("pairs") / "x.csv"
        source.to_csv(path, index=False)
    read = read_trades(path if in_file and clock != "spans" else source)
    np.testing.assert_array_equal(read.time, stamps.as_unit("s").astype(np.int64))
    assert read.report.columns["time"] == "<DATE> + <TIME>"
    assert read.report.notes[0].startswith("the time was joined from '<DATE>' and '<TIME>'")


def test_pairs_of_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    trades(STAMPS, "numbers", "HMM").to_parquet(path)
    np.testing.assert_array_equal(read_trades(path).time, SECONDS)


@pytest.mark.parametrize(
    "names", [("Date", "Time"), ("<DTYYYYMMDD>", "<TIME>"), ("trade_date", "hhmmss"), ("day", "time of day")]
)
def test_names(names):
    np.testing.assert_array_equal(read_trades(trades(STAMPS, "digits", "HMMSS", names)).time, SECONDS)


def test_bars_and_tables(tmp_path):
    close = 100.0 + np.arange(100) % 7
    frame = trades(STAMPS, "digits", "HMM").drop(columns="price")
    for role in ("<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>"):
        frame[role] = close
    path = tmp_path / "EURUSD_M30.csv"
    frame.to_csv(path, index=False, sep="\t")
    panel = read_panel(path, time_zone="Europe/Athens")
    np.testing.assert_array_equal(panel.time, SECONDS - 2 * 3600)
    assert panel.step == 1800
    table = read_panel(path, target="<CLOSE>", covariates="*")
    np.testing.assert_array_equal(table.time, SECONDS)
    assert list(table.values) == ["<CLOSE>", "vol", "<OPEN>", "<HIGH>", "<LOW>"]
    again = read_panel(path, columns={"time": table.report.columns["time"]}, target="<CLOSE>")
    np.testing.assert_array_equal(again.time, SECONDS)


def test_what_is_no_pair_is_read_as_before():
    frame = trades(STAMPS, "datetimes", "HMM", ("date", "time"))
    unix = frame.assign(time=SECONDS)
    np.testing.assert_array_equal(read_trades(unix).time, SECONDS)
    numbered = frame.assign(date=STAMPS, time=np.arange(100))
    np.testing.assert_array_equal(read_trades(numbered, {"time": "date"}).time, SECONDS)
    table = pd.DataFrame(
        {"timestamp": SECONDS, "day": STAMPS.day, "hour": STAMPS.hour, "y": 1.0 * STAMPS.hour}
    )
    daily = pd.DataFrame(
        {"date": pd.date_range("2023-01-02", periods=50), "hour": [9] * 50, "y": np.arange(50.0)}
    )
    assert read_panel(daily, target="y", known=["hour"]).time[0] == 1672617600
    assert read_panel(daily, target="y").time[0] == 1672617600 + 9 * 3600
    for number in (
        np.arange(101, 151),
        7 * np.arange(50),
    ):  # not 1:01 to 1:50, and not 0 to 343 ms after midnight
        np.testing.assert_array_equal(
            read_panel(daily.assign(time=number).drop(columns="hour"), target="y").time, number
        )
    known = read_panel(table, target="y", known=["day", "hour"])
    np.testing.assert_array_equal(known.time, SECONDS)


REFUSALS = {
    "no hour 25": (
        {"<TIME>": ["09:00", "25:00"] + ["10:00"] * 98},
        "row 1 .* is '25:00', while most are times of day",
    ),
    "no date": ({"<DATE>": ["2023.01.02"] * 99 + ["2023.02.31"]}, "row 99 .* is '2023.02.31'"),
    "a time with the date": ({"<DATE>": STAMPS}, "times of day in '<TIME>' and dates with times in '<DATE>'"),
    "an empty time": (
        {"<TIME>": ["09:00"] * 99 + [None]},
        "row 99 .* is empty; every row needs a time of day",
    ),
    "hours or minutes": ({"<TIME>": STAMPS.hour}, "go up to 23, which may be hours or minutes"),
}


@pytest.mark.parametrize(("changes", "words"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(changes, words):
    with pytest.raises(DataError, match=words):
        read_trades(trades(STAMPS, "points", "HH:MM").assign(**changes))


def test_a_time_of_day_alone_asks_for_its_date():
    frame = pl.DataFrame(
        {"time": ["09:00:00", "09:15:00"], "price": 1.0, "amount": 1.0, "when": "2023.01.02"}
    )
    with pytest.raises(
        ColumnError, match="A time of day needs its date: name both columns with --column 'time=DATE"
    ):
        read_trades(frame)
    read = read_trades(frame, {"time": "when + time"})
    np.testing.assert_array_equal(read.time, [1672650000, 1672650900])
