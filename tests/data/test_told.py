"""What a report tells of what was read: rows and filled ones apart, every column, pauses in numbers."""

import numpy as np
import pandas as pd
import polars as pl

from ostinato.data.folds import absent_series, folds_of
from ostinato.data.reading import read_panel

HOURS = 1_600_000_000 // 3600 * 3600 + 3600 * np.arange(100)


def table(**more):
    return pl.DataFrame({"time": HOURS, "y": np.arange(100) % 7.0} | more)


def bars():
    close = 100.0 + np.arange(100) % 7
    return pl.DataFrame(
        {
            "time": HOURS,
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "volume": 1.0,
            "load": close,
        }
    )


def test_rows_that_were_read_and_rows_that_were_filled():
    panel = read_panel(table().filter(~pl.Series(np.isin(np.arange(100), [20, 21, 50]))), target="y")
    lines = panel.report.lines()
    assert len(panel) == 100
    assert lines[0] == "read 97 rows from the data frame, one every hour"
    assert (
        "filled 3 rows more, for steps without values in the source: 100 rows in all, 3 of them not observed"
        in lines
    )


def test_rows_of_the_future_were_read():
    values = [*(np.arange(95) % 7.0), *[None] * 5]
    panel = read_panel(
        table(plan=np.arange(100.0)).with_columns(y=pl.Series(values)), target="y", known=["plan"]
    )
    lines = panel.report.lines()
    assert lines[0] == "read 100 rows from the data frame, one every hour"
    assert "5 rows of the future" in lines
    assert not any(line.startswith("filled") for line in lines)


def test_every_column_is_told():
    frame = table(a=np.arange(100.0), b=np.arange(100.0), plan=np.arange(100.0), shop="S")
    lines = read_panel(
        frame, target="y", covariates="*", known=["plan"], id="shop", holidays="DE"
    ).report.lines()
    assert lines[2] == (
        "columns: time, id from 'shop', target from 'y'; covariates 'a', 'b'; known in advance 'plan', 'holiday'"
    )
    frame = frame.with_columns(pl.lit(1.0).alias(f"c{number}") for number in range(30))
    lines = read_panel(frame, target="y", covariates="*", id="shop").report.lines()
    assert lines[2].endswith("'c15', 'c16' and 13 more")


def test_columns_beside_bars_are_told():
    panel = read_panel(bars(), covariates=["load"])
    assert panel.report.lines()[2].endswith("; covariates 'load'")
    assert panel.report.lines()[0] == "read 100 bars from the data frame, one every hour"
    longer = read_panel(bars(), covariates=["load"], bars="4h")
    assert longer.report.lines()[2].endswith("; covariates 'load'")
    assert longer.report.lines()[0] == f"made {len(longer)} bars from the data frame, one every 4 hours"


def test_missing_bars_are_not_counted_as_read():
    lines = read_panel(bars().filter(~pl.Series(np.isin(np.arange(100), [20, 21])))).report.lines()
    assert lines[0] == "read 98 bars from the data frame, one every hour"
    assert (
        "filled 2 bars more, for steps without values in the source: 100 bars in all, 2 of them not observed"
        in lines
    )


def test_pauses_are_counted():
    stamps = pd.date_range("2024-01-01", periods=24 * 28, freq="h")  # a Monday
    stamps = stamps[(stamps.hour >= 9) & (stamps.hour < 17) & (stamps.day_of_week < 5)]
    close = 100.0 + np.arange(len(stamps)) % 7
    frame = pd.DataFrame({"time": stamps, "open": close, "high": close, "low": close, "close": close})
    (note,) = [note for note in read_panel(frame).report.notes if note.startswith("pauses")]
    assert note == (
        "pauses between bars of 1 hour: 19, the longest 2.71 days after 2024-01-05 16:00:00; bars were taken one after "
        "another, as if there were none"
    )


def test_series_without_a_row_in_a_part_are_named():
    spans = {"whole": (0, 100), "old": (0, 65), "new": (85, 100), "middle": (0, 75)}
    frame = pl.concat(table(id=pl.Series([name] * 100))[a:b] for name, (a, b) in spans.items())
    panel = read_panel(frame, target="y", id="id")
    (fold,) = folds_of(panel, 1, bounds=tuple(str(np.datetime64(int(HOURS[at]), "s")) for at in (70, 80, 99)))
    assert absent_series(panel, fold) == [
        "1 of 4 series without a train row: 'new'; nothing is learned from them",
        "2 of 4 series without a validation row: 'old', 'new'; they have no say in when training stops",
        "2 of 4 series without a test row: 'old', 'middle'; they are not judged",
    ]
    (fold,) = folds_of(read_panel(table(), target="y"), 1)
    assert not absent_series(read_panel(table(), target="y"), fold)
