"""Rows of the future, and what is known of steps that nobody observed."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ostinato.data.folds import folds_of
from ostinato.data.reading import read_panel
from ostinato.errors import DataError


def bars(times, future=0, **more):
    """Bars at some times, the last of them of the future."""
    rows = len(times)
    close = 100 * np.exp(0.01 * np.random.default_rng(0).standard_normal(rows).cumsum())
    columns = {
        "open": close,
        "high": close * 1.01,
        "low": close * 0.99,
        "close": close,
        "volume": np.ones(rows),
    }
    seen = pl.int_range(rows) < rows - future
    prices = [pl.when(seen).then(name).alias(name) for name in columns]
    return pl.DataFrame({"time": np.asarray(times), **columns, **more}).with_columns(prices)


def table(times, future=0, **more):
    y = np.sin(np.arange(len(times)))
    y = pl.when(pl.int_range(len(times)) < len(times) - future).then("y")
    return pl.DataFrame({"time": np.asarray(times), "y": np.sin(np.arange(len(times))), **more}).with_columns(
        y
    )


def stamps(begin, rows, freq="h"):
    return pd.date_range(begin, periods=rows, freq=freq).to_numpy()


@pytest.mark.parametrize("as_text", [False, True])
def test_bars_may_have_rows_of_the_future(as_text, tmp_path):
    source = bars(stamps("2020-01-01", 60), 5, promo=np.arange(60.0), seen=np.arange(60.0))
    source = source.with_columns(seen=pl.when(pl.int_range(60) < 55).then("seen"))
    if as_text:
        source.write_csv(tmp_path / "bars.csv")
        source = tmp_path / "bars.csv"
    panel = read_panel(source, target="return", known=["promo"], covariates=["seen"])
    assert panel.kind == "bars"
    assert np.flatnonzero(~panel.observed).tolist() == [55, 56, 57, 58, 59]
    assert panel.ends.tolist() == [55]
    assert panel.values["promo"].tolist() == list(range(60))
    assert panel.values["seen"][54:].tolist() == [54] * 6
    for name in ("open", "high", "low", "close"):
        assert (panel.values[name][55:] == panel.values["close"][54]).all()
    assert (panel.values["volume"][55:] == 0).all()
    assert any("5 rows of the future" in note for note in panel.report.notes)


def test_a_price_that_is_missing_elsewhere_is_still_refused():
    source = bars(stamps("2020-01-01", 60), promo=np.arange(60.0))
    hole = source.with_columns(close=pl.when(pl.int_range(60) != 30).then("close"))
    with pytest.raises(DataError, match=r"row 30 .*is empty; it must be a finite number above 0"):
        read_panel(hole, target="return", known=["promo"])
    prices = [
        pl.when(pl.int_range(60) != 30).then(name).alias(name) for name in ("open", "high", "low", "close")
    ]
    with pytest.raises(DataError, match=r"row 30 .*is empty"):
        read_panel(source.with_columns(prices), target="return", known=["promo"])
    last = source.with_columns(close=pl.when(pl.int_range(60) != 59).then("close"))
    with pytest.raises(DataError, match=r"row 59 .*is empty"):
        read_panel(last, target="return", known=["promo"])
    future = bars(stamps("2020-01-01", 60), 3)
    with pytest.raises(DataError, match=r"row 57 .*is empty"):
        read_panel(future, target="return")
    unknown = bars(stamps("2020-01-01", 60), 3, promo=[1.0] * 59 + [None])
    with pytest.raises(DataError, match=r"known in row 59 .*is empty"):
        read_panel(unknown, target="return", known=["promo"])


def test_a_longer_bar_that_is_not_over_is_of_the_future():
    source = bars(stamps("2020-01-01", 80), 10, promo=np.arange(80.0))  # 70 hours: 17 bars of 4h and a half
    panel = read_panel(source, target="return", known=["promo"], bars="4h")
    assert len(panel) == 20
    assert np.flatnonzero(~panel.observed).tolist() == [17, 18, 19]
    close = read_panel(source.head(68), target="return", bars="4h").values["close"]
    assert panel.values["close"].tolist() == [*close, *[close[-1]] * 3]
    assert panel.values["high"][17:].tolist() == [close[-1]] * 3
    assert panel.values["volume"].tolist() == [4.0] * 17 + [0.0] * 3
    assert panel.values["promo"].tolist() == [4.0 * k for k in range(20)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin"])
@pytest.mark.parametrize("make", [bars, table])
@pytest.mark.parametrize(
    ("freq", "whole", "rows"), [("h", 24 * 40, 24 * 12), ("D", 400, 350), ("B", 300, 250), ("MS", 48, 30)]
)
def test_holidays_go_on_as_if_the_rows_were_there(make, zone, freq, whole, rows):
    # clocks are put forward on Easter Sunday 2024 in Berlin, and back on the third of November in New York
    begin = {"h": "2024-03-14" if zone == "Europe/Berlin" else "2024-10-20"}.get(freq, "2020-01-01")
    times = pd.date_range(begin, periods=whole, freq=freq, tz=zone)
    naive = (times.tz_convert("UTC") if freq == "h" else times).tz_localize(None).to_numpy()
    place = {"UTC": "US", "America/New_York": "US", "Europe/Berlin": "DE-BB"}[
        zone
    ]  # there Easter Sunday is free
    frame = make(naive)
    if freq == "h":
        frame = frame.with_columns(pl.col("time").dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
    named = {"target": "return" if make is bars else "y", "holidays": place}
    named |= {} if freq == "h" else {"time_zone": zone}
    long, short = read_panel(frame, **named), read_panel(frame.head(rows), **named)
    after = long.values["holiday"][rows:]
    assert after.any()
    assert not after.all()
    np.testing.assert_array_equal(short.holidays.after(whole - rows)[0], after)


def test_holidays_after_longer_bars_and_after_several_series():
    times = stamps("2020-12-01", 24 * 30)
    whole = read_panel(bars(times), target="return", holidays="US", bars="1d")
    short = read_panel(bars(times[: 24 * 20]), target="return", holidays="US", bars="1d")
    np.testing.assert_array_equal(short.holidays.after(10)[0], whole.values["holiday"][20:])
    assert np.flatnonzero(short.holidays.after(10)).tolist() == [4]  # the 25th
    two = pl.concat(
        [table(times[: 24 * days]).with_columns(id=pl.lit(name)) for name, days in (("a", 20), ("b", 23))]
    )
    panel = read_panel(two, target="y", id="id", holidays="US")
    after = panel.holidays.after(24 * 5)
    assert after.shape == (2, 120)
    assert np.flatnonzero(after[0]).tolist() == list(range(96, 120))
    assert np.flatnonzero(after[1]).tolist() == list(range(24, 48))


def test_missing_steps_have_their_holidays_and_the_known_values_before():
    times = stamps("2020-12-24", 24 * 4)
    for make, target in ((table, "y"), (bars, "return")):
        whole = make(times, promo=np.arange(96.0))
        gap = pl.int_range(96).is_in([22, 23, 24, 25, 50])
        panel = read_panel(whole.filter(~gap), target=target, holidays="US", known=["promo"])
        full = read_panel(whole, target=target, holidays="US", known=["promo"])
        np.testing.assert_array_equal(panel.values["holiday"], full.values["holiday"])
        assert panel.values["promo"][20:28].tolist() == [20, 21, 21, 21, 21, 21, 26, 27]


def test_no_holidays_are_told_where_nobody_knows_when_the_next_row_is():
    times = np.concatenate([stamps(f"2020-01-0{day}T09:30", 30, "min") for day in range(1, 6)])
    panel = read_panel(bars(times), target="return", holidays="US")
    assert panel.step is None
    assert panel.holidays is None


def test_rows_of_the_future_belong_to_no_part():
    known = np.zeros(1000)
    future, plain = (
        read_panel(table(stamps("2020-01-01", 1000), 200, promo=known), target="y", known=["promo"]),
        read_panel(table(stamps("2020-01-01", 1000), promo=known).head(800), target="y", known=["promo"]),
    )
    assert len(future) == 1000
    for bounds in (None, (500, 600, 800), ("2020-01-21", "2020-01-25", "2020-03-01")):
        for count in (1, 4):
            for one, other in zip(
                folds_of(future, 3, bounds=bounds, count=count),
                folds_of(plain, 3, bounds=bounds, count=count),
                strict=True,
            ):
                for name in ("train", "validation", "test", "used"):
                    assert np.array_equal(getattr(one, name), getattr(other, name))


def test_rows_of_the_future_belong_to_no_part_of_several_series():
    def series(name, rows, future):
        return table(stamps("2020-01-01", rows), future, promo=np.zeros(rows)).with_columns(id=pl.lit(name))

    named = {"target": "y", "known": ["promo"], "id": "id"}
    future = read_panel(pl.concat([series("a", 600, 100), series("b", 700, 10)]), **named)
    plain = read_panel(pl.concat([series("a", 600, 100), series("b", 700, 10)]).drop_nulls(), **named)
    assert future.ends.tolist() == [500, 600 + 690]
    for one, other in zip(folds_of(future, 3, count=3), folds_of(plain, 3, count=3), strict=True):
        for name in ("train", "validation", "test", "used"):
            rows, expected = getattr(one, name), getattr(other, name)
            assert np.array_equal(future.time[rows], plain.time[expected])
            assert np.array_equal(future.series[rows], plain.series[expected])
            assert future.observed[rows].all()


def test_what_there_was_to_cut_is_said():
    source = table(stamps("2020-01-01", 40), 10, promo=np.zeros(40)).filter(~pl.int_range(40).is_in([5, 9]))
    panel = read_panel(source, target="y", known=["promo"])
    with pytest.raises(
        DataError,
        match=r"^30 rows \(2 of them missing in the source, not counting 10 of the future\) are too few",
    ):
        folds_of(panel, 8)
