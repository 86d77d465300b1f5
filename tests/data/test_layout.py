"""What was decided about one source holds for the next, or the next is refused."""

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from ostinato.data.layout import Every, Layout
from ostinato.data.reading import read_panel
from ostinato.errors import ColumnError, ConfigError, DataError

START = 1_600_041_600  # a Monday, midnight
HOUR = 3600


def bars(time, **more):
    close = 100 + np.sin(np.arange(len(time)))
    prices = {"open": close, "high": close + 1, "low": close - 1, "close": close}
    return pl.DataFrame({"time": time} | prices | {"volume": np.ones(len(time))} | more)


def hours(count, kept=None):
    time = START + HOUR * np.arange(count)
    return time if kept is None else time[kept]


def table(time, **more):
    return pl.DataFrame({"time": time, "sales": np.arange(len(time)) % 7.0} | more)


CLOSES = np.arange(240) % 24 < 8
GRID, SEQUENCE = (read_panel(bars(time)).layout for time in (hours(240), hours(240, CLOSES)))


def test_bars_of_a_market_that_closes_stay_one_after_another():
    assert SEQUENCE.pauses
    for rows in (1, 2, 8, 12, 80):
        panel = read_panel(bars(hours(240, CLOSES)[:rows]), layout=SEQUENCE)
        assert (len(panel), panel.step, panel.observed) == (rows, None, None)
    two_days = read_panel(bars(hours(240, CLOSES)[7:9]), layout=SEQUENCE)  # a pause is all there is
    assert len(two_days) == 2


def test_bars_on_a_grid_stay_on_it_however_many_are_missing():
    assert not GRID.pauses
    kept = np.random.default_rng(0).random(240) < 0.6
    kept[:2] = kept[100:140] = True
    panel = read_panel(bars(hours(240, kept)), layout=GRID)
    assert (panel.step, panel.season) == (HOUR, 24)
    np.testing.assert_array_equal(panel.time, hours(240)[: len(panel)])
    np.testing.assert_array_equal(panel.observed, kept[: len(panel)])
    assert read_panel(bars(hours(240, kept))).step is None  # by itself it is a market that closes
    one = read_panel(bars(hours(1)), layout=GRID)
    assert (one.step, one.season) == (HOUR, 24)


@pytest.mark.parametrize("layout", [GRID, SEQUENCE])
@pytest.mark.parametrize(("seconds", "words"), [(1800, "30 min"), (7200, "2 hours"), (86_400, "1 day")])
def test_bars_of_another_step_are_refused(layout, seconds, words):
    other = bars(START + seconds * np.arange(100))
    with pytest.raises(DataError, match=f"most bars are {words} apart, .* fitted on bars 1 hour apart"):
        read_panel(other, layout=layout)
    assert read_panel(
        other, layout=layout.model_copy(update={"every": Every(seconds=seconds, wall=seconds > 8e4)})
    )


@pytest.mark.parametrize("part", [slice(0, 3), slice(0, 1), slice(5, 40)])
@pytest.mark.parametrize(
    ("dates", "words"),
    [
        (np.arange("2020-01-31", "2024-01-31", dtype="datetime64[D]"), "1 working day"),
        (np.arange("2010-01", "2020-01", dtype="datetime64[M]").astype("datetime64[D]"), "1 month"),
    ],
)
def test_a_piece_has_the_step_of_the_whole(dates, words, part):
    if words == "1 working day":
        dates = dates[np.is_busday(dates)]
    time = dates.astype("datetime64[s]").astype(np.int64)
    whole = read_panel(table(time), target="sales")
    piece = read_panel(table(time[part]), target="sales", layout=whole.layout)
    assert whole.report.step == piece.report.step == words
    assert (piece.step, piece.season) == (whole.step, whole.season)
    np.testing.assert_array_equal(piece.time, time[part])


def test_a_time_far_away_is_refused_before_its_grid_is_made():
    far = bars(np.append(hours(100), START + HOUR * 10**7))
    with pytest.raises(DataError, match=r"9,999,900 steps of 1 hour after .* too many to fill"):
        read_panel(far, layout=GRID)


SWAPPED = np.random.default_rng(1).random(240) < 0.3


def two_volumes():
    frame = bars(hours(240)).drop("volume")
    coins = np.random.default_rng(2).exponential(3.0, 240)
    dollars = coins * frame["close"].to_numpy()
    in_coins, in_dollars = np.where(SWAPPED, dollars, coins), np.where(SWAPPED, coins, dollars)
    return frame.with_columns(pl.Series("Volume BTC", in_coins), pl.Series("Volume USD", in_dollars)), coins


def test_the_volume_is_that_in_units_whatever_the_other_holds_later():
    frame, coins = two_volumes()
    panel = read_panel(frame)
    assert (panel.layout.columns["volume"], panel.layout.money) == ("Volume BTC", "Volume USD")
    np.testing.assert_allclose(panel.values["volume"], coins)
    other = frame.with_columns(
        pl.Series("Volume USD", np.where(np.arange(240) < 50, frame["Volume USD"], 1e9))
    )
    np.testing.assert_allclose(read_panel(other, layout=panel.layout).values["volume"][:50], coins[:50])
    for name in ("Volume BTC", "Volume USD"):
        with pytest.raises(
            ColumnError, match=f"no column '{name}', which the run was fitted on as the volume"
        ):
            read_panel(frame.drop(name), layout=panel.layout)
    alone = read_panel(frame, columns={"volume": "Volume BTC"}, layout=panel.layout)
    np.testing.assert_array_equal(alone.values["volume"], frame["Volume BTC"])


def test_bars_without_volume_stay_so():
    layout = read_panel(bars(hours(240)).drop("volume")).layout
    assert layout.columns["volume"] == ""
    assert not read_panel(bars(hours(240)), layout=layout).values["volume"].any()
    with pytest.raises(ColumnError, match="no column 'volume', which the run was fitted on as the volume"):
        read_panel(bars(hours(240)).drop("volume"), layout=GRID)


def test_which_volume_counts_is_asked_where_trades_were_read():
    time = START + np.arange(20_000.0)
    trades = pl.DataFrame({"time": time, "price": 100 + np.sin(time), "amount": np.ones(20_000)})
    layout = read_panel(trades, bars="1h").layout
    assert layout.source == "trades"
    frame, _ = two_volumes()
    with pytest.raises(
        ColumnError, match="the volume of the data frame could be 'Volume BTC' or 'Volume USD'"
    ):
        read_panel(frame, bars="1h", layout=layout)
    named = read_panel(frame, bars="1h", columns={"volume": "Volume BTC"}, layout=layout)
    assert (named.kind, named.step) == ("bars", HOUR)
    with pytest.raises(ColumnError, match="the run reads trades, the data frame holds bars"):
        read_panel(frame, layout=layout)


def berlin(frame):
    stamps = pl.from_epoch(frame["time"]).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    return frame.with_columns(time=stamps)


def test_days_begin_where_they_did():
    frame = table(START + HOUR * np.arange(24 * 120))
    asked = {"target": "sales", "holidays": "DE"}
    there = read_panel(berlin(frame), **asked)
    assert there.layout.clock == "Europe/Berlin"
    in_utc = read_panel(frame, layout=there.layout, **asked)
    np.testing.assert_array_equal(in_utc.values["holiday"], there.values["holiday"])
    np.testing.assert_array_equal(in_utc.holidays.after(24 * 60), there.holidays.after(24 * 60))
    by_itself = read_panel(frame, **asked)
    assert (by_itself.values["holiday"] != there.values["holiday"]).any()
    back = read_panel(berlin(frame), layout=by_itself.layout, **asked)
    np.testing.assert_array_equal(back.values["holiday"], by_itself.values["holiday"])
    written = berlin(frame).with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%S%z"))
    as_written = read_panel(written, **asked)
    assert as_written.layout.clock == "as written"
    np.testing.assert_array_equal(as_written.values["holiday"], there.values["holiday"])
    with pytest.raises(DataError, match="do not say how far they are from UTC"):
        read_panel(frame, layout=as_written.layout, **asked)
    assert len(read_panel(frame, target="sales", layout=as_written.layout)) == len(frame)  # no day begins


def test_all_other_columns_are_those_that_were():
    frame = table(hours(50), a=np.ones(50), note=["x"] * 50)
    layout = read_panel(frame, target="sales", covariates="*").layout
    assert layout.covariates == ("a",)
    more = frame.with_columns(b=pl.Series([None] * 10 + [1.0] * 40))
    panel = read_panel(more, target="sales", covariates="*", layout=layout)
    assert list(panel.values) == ["sales", "a"]
    assert panel.observed is None
    with pytest.raises(ColumnError, match="no column 'a' for the covariates"):
        read_panel(frame.drop("a"), target="sales", covariates="*", layout=layout)


def test_a_layout_of_another_kind_is_refused():
    with pytest.raises(ConfigError, match="the layout is one of bars, which the target 'sales' is not of"):
        read_panel(table(hours(50)), target="sales", layout=GRID)


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "picture"},
        {"columns": {"colour": "red"}},
        {"columns": {"time": "x" * 201}},
        {"every": {"seconds": 1e-300}},
        {"every": {"seconds": float("nan")}},
        {"every": {"seconds": 1e13}},
        {"every": {}},
        {"every": {"seconds": 3600.0, "months": 1}},
        {"every": {"months": 2}},
        {"clock": "Europe/Berlin; rm"},
        {"clock": ""},
        {"pauses": 1},
        {"covariates": ["a"] * 201},
        {"more": 1},
    ],
)
def test_layouts_are_bounded(wrong):
    plain = SEQUENCE.model_dump(mode="json")
    assert Layout.model_validate(plain) == SEQUENCE
    with pytest.raises(ValidationError):
        Layout.model_validate(plain | wrong)


def test_a_zone_that_no_clock_has_is_a_sentence():
    layout = read_panel(table(hours(50)), target="sales").layout.model_copy(update={"clock": "Mars/Olympus"})
    with pytest.raises(ConfigError, match="no time zone 'Mars/Olympus'"):
        read_panel(table(hours(50)), target="sales", layout=layout)


def prices(time):
    return pl.DataFrame({"time": time, "price": 1.5 + np.arange(len(time)) % 3, "amount": 1.0})


@pytest.mark.parametrize("frame_of", [prices, bars, table])
def test_numbers_that_may_be_dates_stay_what_they_were(frame_of):
    asked = {"target": "sales"} if frame_of is table else {}
    unix = 2_019_010_100 + HOUR * np.arange(50)  # of 2033; the first is the midnight of a day of 2019 too
    digits = [20190101000000 + 10_000 * hour for hour in range(24)]
    of_unix, of_digits = (read_panel(frame_of(time), **asked).layout for time in (unix, digits))
    assert (of_unix.numbers, of_digits.numbers) == ("unix", "digits")
    for rows in (2, 20):
        assert read_panel(frame_of(unix[:rows]), **asked, layout=of_unix).time[0] == unix[0]
    with pytest.raises(
        DataError, match=r"like dates written as digits \(YYYYMMDDHH\), and those .* since 1970"
    ):
        read_panel(frame_of(unix[:1]), **asked, layout=of_unix)
    single = pl.Series(digits).cast(pl.Float32)  # rounds, so that most are no dates
    with pytest.raises(
        DataError, match=r"like numbers since 1970 \(ms\), and those .* were dates written as"
    ):
        read_panel(frame_of(single.unique().sort()), **asked, layout=of_digits)
    today = START + HOUR * np.arange(50)  # no dates by any reading
    assert read_panel(frame_of(today), **asked, layout=of_digits).time[0] == START
    assert read_panel(frame_of(today), **asked).layout.numbers == ""


def test_times_of_day_have_as_many_digits_as_they_had():
    minutes = 60 * np.arange(600)
    clock = minutes // 3600 * 10_000 + minutes // 60 % 60 * 100  # 0, 100 ... 5900, 10000: HHMMSS
    frame = prices(clock).select(pl.lit("2023-01-02").alias("date"), pl.all())
    whole = read_panel(frame)
    assert whole.layout.time_of_day == "HHMMSS"
    np.testing.assert_array_equal(whole.time, 1_672_617_600 + minutes)
    first = frame.head(20)  # by itself HHMM
    assert read_panel(first).time[1] == 1_672_617_600 + HOUR
    with pytest.raises(ColumnError, match="look like HHMM, and those that the run was fitted on were HHMMSS"):
        read_panel(first, layout=whole.layout)
    for written in ("{:06d}", "{:04d}"):
        text = [written.format(cell if len(written.format(0)) == 6 else cell // 100) for cell in clock[:20]]
        panel = read_panel(first.with_columns(time=pl.Series(text)), layout=whole.layout)
        np.testing.assert_array_equal(panel.time, whole.time[:20])
