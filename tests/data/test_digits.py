"""Dates written as digits come back as the instants they were, or are refused; and implausible years are reported."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.data import implausible_years
from ostinato.data.digits import one_date
from ostinato.data.reading import read_panel
from ostinato.data.trades import read_trades
from ostinato.errors import DataError
from ostinato.live.feeds.stdin import seconds

DIGITS = {"%Y%m%d": "D", "%Y%m%d%H": "h", "%Y%m%d%H%M": "m", "%Y%m%d%H%M%S": "s", "%Y%m%d%H%M%S%f": "ms"}


def written(moment, form):
    """A moment as digits; milliseconds for %f."""
    text = f"{moment.year:04}" + moment.strftime(form.removeprefix("%Y"))
    return text[:-3] if form.endswith("%f") else text


def as_csv(texts, tmp):
    path = tmp / "x.csv"
    path.write_text("time,price,amount\n" + "".join(f"{text},1.5,1\n" for text in texts))
    return path


def as_parquet(texts, tmp):
    path = tmp / "x.parquet"
    pl.DataFrame({"time": [int(text) for text in texts], "price": 1.5, "amount": 1.0}).write_parquet(path)
    return path


def as_frame(cells):
    return pl.DataFrame({"time": cells, "price": 1.5, "amount": 1.0}, strict=False)


KINDS = {
    "csv": as_csv,
    "csv of floats": lambda texts, tmp: as_csv([f"{text}.0" for text in texts], tmp),
    "integers": lambda texts, tmp: as_frame([int(text) for text in texts]),
    "text": lambda texts, tmp: as_frame([f" {text}" for text in texts]),
    "floats": lambda texts, tmp: as_frame([float(text) for text in texts]),
    "pandas": lambda texts, tmp: as_frame([int(text) for text in texts]).to_pandas(),
}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1901, 1, 1), datetime(2199, 12, 31)), min_size=1, max_size=5),
    st.sampled_from(list(DIGITS)),
    st.sampled_from(list(KINDS)),
)
def test_any_date_comes_back_or_is_refused(tmp_path_factory, moments, form, kind):
    texts = [written(moment, form) for moment in sorted(moments)]
    right = (
        np.array(sorted(moments), f"datetime64[{DIGITS[form]}]").astype("datetime64[us]").astype(np.int64)
        / 1e6
    )
    source = KINDS[kind](texts, tmp_path_factory.mktemp("digits"))
    if kind == "floats" and form.endswith("%f"):
        with pytest.raises(DataError, match="Float64 holds whole numbers up to"):
            read_trades(source)
        return
    trades = read_trades(source)
    np.testing.assert_allclose(trades.time, right, rtol=0, atol=2e-6)
    assert any("dates written as digits" in note for note in trades.report.notes)


def test_whole_numbers_of_parquet_are_exact(tmp_path):
    texts = ["20230102090000123", "20230102090000125"]  # 17 digits: float64 holds one in four
    read = read_trades(as_parquet(texts, tmp_path))
    np.testing.assert_allclose(read.time, [1672650000.123, 1672650000.125], rtol=0, atol=2e-6)


def bars(times):
    close = 100.0 + np.arange(len(times)) % 7
    return pl.DataFrame({"date": times, "open": close, "high": close, "low": close, "close": close})


@pytest.mark.parametrize(("form", "freq", "step"), [("%Y%m%d", "D", 86_400), ("%Y%m%d%H%M", "h", 3600)])
def test_bars_have_their_step_and_zone(form, freq, step):
    stamps = pd.date_range("2023-01-02 09:00", periods=200, freq=freq)
    panel = read_panel(bars(stamps.strftime(form).to_list()), time_zone="America/New_York")
    assert panel.step == step
    first = stamps[0] if freq == "h" else stamps[0].normalize()
    assert panel.time[0] == first.tz_localize("America/New_York").timestamp()


TEXTS = {
    "20230102 090000": "20230102 091500.250",
    "20230102T0900": "20230102T0915",
    "20230102 09:00:00": "20230102 09:15:00",
    "2023.01.02 09:00": "2023.01.02 09:15",
    "2023.01.02 09:00:00Z": "2023.01.02 09:15:00Z",
    "20230102T090000+0000": "20230102T091500+0000",
}


@pytest.mark.parametrize(("first", "second"), TEXTS.items())
def test_dates_with_digits_and_times_as_text(first, second):
    times = read_trades(as_frame([first, second])).time
    np.testing.assert_array_equal(times, 1672650000 + np.array([0, 900.25 if ".250" in second else 900]))


@pytest.mark.parametrize("wrong", ["20230231", "20231301", "2023010", "202301021", "20230102.5"])
def test_a_date_that_no_calendar_has_is_named(wrong, tmp_path):
    path = as_csv(["20230102", "20230103", wrong, "20230105", "20230106"], tmp_path)
    with pytest.raises(
        DataError, match=f"row 4 of the file is '{wrong}', while most times are dates .*YYYYMMDD"
    ):
        read_trades(path)


@pytest.mark.parametrize("wrong", ["202301022400", "202301020960"])
def test_a_time_that_no_clock_has_is_named(wrong, tmp_path):
    path = as_csv(["202301020900", "202301021000", wrong], tmp_path)
    with pytest.raises(DataError, match=f"row 4 of the file is '{wrong}', while most times are dates"):
        read_trades(path)


def test_decimals_beyond_what_numbers_hold_are_read_from_the_text(tmp_path):
    path = as_csv(["20230102090000.123", "20230102090000.124"], tmp_path)
    np.testing.assert_allclose(read_trades(path).time, [1672650000.123, 1672650000.124], rtol=0, atol=1e-6)


def test_unix_times_stay_unix_times():
    """Real times of every unit are no dates by chance, though some numbers of them would be."""
    for scale in (1, 10**3, 10**6, 10**9):
        first = 1_672_650_000
        trades = read_trades(as_frame([(first + 3600 * hour) * scale for hour in range(500)]))
        assert trades.time[0] == first
        assert trades.report.time_unit in ("s", "ms", "us", "ns")
    panel = read_panel(bars([float(19_000_000 + 3600 * hour) for hour in range(500)]))
    assert panel.time[0] == 19_000_000


def test_a_unit_that_is_named_stands_and_is_told():
    trades = read_trades(as_frame([20230102090000, 20230102091500]), time_unit="ms")
    assert trades.time[0] == 20230102090.0
    assert any(
        "2611" in note and "dates written as digits (YYYYMMDDHHMMSS)" in note for note in trades.report.notes
    )


@pytest.fixture
def in_2023(monkeypatch):
    monkeypatch.setattr(implausible_years, "this_year", lambda: 2023)


def notes_of(times):
    return [
        note for note in read_trades(as_frame(times)).report.notes if "check that the time column" in note
    ]


@pytest.mark.parametrize(
    "times",
    [
        [1672650000, 1735689600],  # 2025-01-01
        [datetime(2023, 1, 2, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)],
        ["2023-01-02", "2025-01-01T00:00"],
        [20230102, 20250101],
    ],
    ids=["numbers", "datetimes", "text", "digits"],
)
def test_years_beyond_the_next_are_told(in_2023, times):
    if isinstance(times[0], str):
        times = ["2023-01-02T00:00", "2025-01-01T00:00"]
    (note,) = notes_of(times)
    assert note.startswith(
        "1 time after the year 2024, the first in row 1 of the table (counted from 0): 2025-01-01"
    )


def test_next_year_is_not_told(in_2023):
    assert not notes_of([1672650000, 1735689599])


def test_numbers_of_1970_are_told():
    (note,) = notes_of([86_400 * day for day in range(300, 5000)])
    assert note.startswith(
        "65 times before the year 1971, the first in row 0 of the table (counted from 0): 1970-10-28"
    )
    (note,) = notes_of([1_672_650, 1_672_651])
    assert note.startswith("all times are before 1973, the first is 1970-01-20 08:37:30")
    # what pandas makes of seconds when it is not told their unit
    (note,) = notes_of([datetime(1970, 1, 1) + timedelta(seconds=1.67265), datetime(1970, 1, 1, 0, 0, 2)])
    assert note.startswith("all times are of the year 1970")
    assert not notes_of([datetime(1871, 1, 1), datetime(1970, 6, 1), datetime(2020, 1, 1)])


def test_single_precision_is_refused():
    frame = as_frame(np.array([20230102, 20230104], np.float32))
    with pytest.raises(DataError, match="Float32 holds whole numbers up to 16,777,216 only"):
        read_trades(frame)


@given(
    st.datetimes(datetime(1901, 1, 1), datetime(2199, 12, 31)), st.sampled_from(list(DIGITS)), st.booleans()
)
def test_one_date_alone_is_that_date_or_left_to_others(moment, form, as_text):
    text = written(moment, form)
    right = np.datetime64(moment, DIGITS[form]).astype("datetime64[us]").astype(np.int64) / 1e6
    found = one_date(text if as_text else int(text))
    if form == "%Y%m%d%H":  # today's Unix times have as many digits
        assert found is None
    else:
        np.testing.assert_allclose(found, right, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    "value",
    [
        1672650000,
        1672650000.5,
        "1672650000123",
        1e30,
        True,
        None,
        "20231301",
        20230102.5,
        "2023-01-02",
        86400,
    ],
)
def test_what_is_no_date_alone(value):
    assert one_date(value) is None


@pytest.mark.parametrize("time", [20230102090000, "20230102090000", 20230102090000.0, "202301020900"])
def test_a_live_line_is_read_like_a_file(time):
    assert seconds({"time": time}) == 1672650000
