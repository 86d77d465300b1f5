"""Times against Python's and pandas' own."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.report.along import means, middles, thinned
from ostinato.report.numbers import are_times, hours, instants, moment, number, weekdays

seconds = st.integers(-2_000_000_000, 4_000_000_000)


@settings(deadline=None)
@given(st.lists(seconds, min_size=1))
def test_hours_and_weekdays_are_those_of_the_calendar(times):
    when = [datetime.fromtimestamp(time, UTC) for time in times]
    assert hours(np.array(times, float)).tolist() == [time.hour for time in when]
    assert weekdays(np.array(times, float)).tolist() == [time.weekday() for time in when]


@settings(deadline=None)
@given(st.lists(seconds, min_size=1))
def test_instants_are_read_back(times):
    found = pd.to_datetime(instants(np.array(times, float)))
    assert ((found - pd.Timestamp(0)) // pd.Timedelta(seconds=1)).tolist() == times


def test_milliseconds_are_kept():
    assert instants(np.array([0.25, 1.0])) == ["1970-01-01T00:00:00.250", "1970-01-01T00:00:01.000"]


def test_what_is_no_time_is_not_shown_as_one():
    assert not are_times(np.array([0.0, np.nan]))
    assert not are_times(np.array([1e15]))
    assert moment(float("nan")) == moment(1e15) == "–"


@settings(deadline=None)
@given(st.floats(-1e300, 1e300))
def test_a_number_is_shown_to_four_digits(value):
    shown = float(number(value).replace(",", "").replace("\N{MINUS SIGN}", "-"))
    assert abs(shown - value) <= 0.006 * abs(value)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 50))
def test_thinned_runs_are_those_of_numpy(values, bins):
    values = np.array(values)
    runs = np.split(
        values, [len(values) * k // min(bins, len(values)) for k in range(1, min(bins, len(values)))]
    )
    np.testing.assert_allclose(means(values, bins), [run.mean() for run in runs], atol=1e-6)
    np.testing.assert_array_equal(thinned(values, bins, np.fmax.reduceat), [run.max() for run in runs])
    assert len(middles(len(values), bins)) == len(runs)
