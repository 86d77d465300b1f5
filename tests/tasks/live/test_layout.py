"""What was decided about the data of a run holds for the file that it lives on, and for what it is trained on again."""

import numpy as np
import polars as pl
import pytest

from ostinato.errors import DataError
from ostinato.tasks.forecasting import open_run, panel_of
from ostinato.tasks.forecasting.live.assembling import feed_of
from ostinato.tasks.forecasting.live.trainer import train
from ostinato.tasks.forecasting.predicting import forecast_rows
from tasks.live.conftest import drive, ledger
from tasks.sources import KINDS, LOOKBACK, written
from tasks.test_later_rows import CLOSE, fit_on, grid_run

EARLY = 330  # bars of a market that closes: so far it is open so long that they look like a grid with gaps


def live_on(run, path, lives):
    engine = lives.engine(run, feed_of(f"file:{path}", run.recipe))
    drive(engine)
    return engine


@pytest.mark.parametrize(
    ("name", "rows"),
    [("bars of a market that closes", EARLY), ("bars on a grid", None), ("bars with two volumes", None)],
)
def test_live_equals_offline_on_another_cut(name, rows, tmp_path, lives):
    run, frame, _ = grid_run(tmp_path, name)
    kept = np.random.default_rng(1).random(len(frame)) < 0.7  # by itself a grid of these would be none
    piece = frame.filter(pl.Series(kept)) if rows is None else frame.head(rows)
    path = written(piece, tmp_path / "piece.csv")
    engine = live_on(run, path, lives)
    panel = panel_of(path, run.recipe)
    assert (panel.step is None) == run.recipe.layout.pauses
    keys, numbers = ledger(engine)
    seen = np.arange(len(panel)) if panel.observed is None else np.flatnonzero(panel.observed)
    np.testing.assert_array_equal(keys, seen)
    np.testing.assert_allclose(
        numbers, forecast_rows(run, panel, seen).reshape(len(seen), -1), rtol=0, atol=CLOSE
    )


def test_a_live_file_without_a_column_is_refused(tmp_path):
    run, frame, _ = grid_run(tmp_path, "bars with two volumes")
    path = written(frame.drop("Volume BTC"), tmp_path / "less.csv")
    with pytest.raises(DataError, match="no column 'Volume BTC', which the run was fitted on as the volume"):
        feed_of(f"file:{path}", run.recipe)


def test_bars_by_number_live_on_the_trades_that_were_read(tmp_path, lives):
    kind = KINDS["trades"]
    generator = np.random.default_rng(7)
    frame = kind.make(generator)
    frame = frame.with_columns(size=pl.Series(generator.exponential(1.0, len(frame))))
    path = written(frame, tmp_path / "data.csv")
    recipe = {"bars": "4t", "columns": {"amount": "size"}} | LOOKBACK  # by its name it would be another
    run = open_run(fit_on(path, tmp_path / "run", kind, recipe=recipe).run.folder.path)
    engine = live_on(run, path, lives)
    panel = panel_of(path, run.recipe)
    _, numbers = ledger(engine)
    expected = forecast_rows(run, panel, np.arange(len(panel)))
    np.testing.assert_allclose(numbers, expected.reshape(len(panel), -1), rtol=0, atol=CLOSE)


@pytest.mark.parametrize("name", ["bars of a market that closes", "bars on a grid"])
def test_a_challenger_is_fitted_as_the_champion_was(name, tmp_path, lives):
    run, frame, _ = grid_run(tmp_path, name)
    kept = np.random.default_rng(1).random(len(frame)) < 0.7
    piece = frame.head(EARLY) if run.recipe.layout.pauses else frame.filter(pl.Series(kept))
    engine = live_on(run, written(piece, tmp_path / "piece.csv"), lives)
    train(engine.store.path, run.folder.path, tmp_path / "challenger")
    challenger = open_run(tmp_path / "challenger")
    assert challenger.recipe.step == run.recipe.step
    assert challenger.recipe.layout.pauses == run.recipe.layout.pauses


def test_a_date_and_a_time_of_day_are_one_time_from_fit_to_live(tmp_path, lives):
    kind = KINDS["bars on a grid"]
    frame = kind.make(np.random.default_rng(7))
    stamp = pl.from_epoch(frame["time"]).dt
    pair = {"<DATE>": stamp.strftime("%Y%m%d"), "<TIME>": stamp.strftime("%H%M%S").cast(pl.Int64)}
    paired = frame.drop("time").select(*(column.alias(name) for name, column in pair.items()), pl.all())
    path = written(paired, tmp_path / "data.csv")
    run = open_run(fit_on(path, tmp_path / "run", kind).run.folder.path)
    assert run.recipe.layout.columns["time"] == "<DATE> + <TIME>"
    assert run.recipe.layout.time_of_day == "HHMMSS"
    dotted = paired.with_columns(stamp.strftime("%H:%M:%S").alias("<TIME>")).select(reversed(paired.columns))
    piece = written(dotted.head(300), tmp_path / "piece.csv")
    engine = live_on(run, piece, lives)
    panel = panel_of(piece, run.recipe)
    keys, numbers = ledger(engine)
    np.testing.assert_array_equal(panel.time[keys], frame["time"].head(300))
    np.testing.assert_allclose(
        numbers, forecast_rows(run, panel, keys).reshape(len(keys), -1), rtol=0, atol=CLOSE
    )
