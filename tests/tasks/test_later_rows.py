"""What comes later in a file, or beside what a run reads of it, changes no earlier forecast, or is refused."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from contract.registry.models import MODEL_OPTIONS
from ostinato.data.reading import read_panel
from ostinato.errors import BrokenRunError, ColumnError, DataError
from ostinato.experiment.plan import plan_comparison
from ostinato.experiment.settings import fit_settings
from ostinato.tasks.forecasting import FORECASTING, compare, evaluate, fit, open_run, panel_of, predict
from ostinato.tasks.forecasting.targets import target_of
from tasks.sources import BEFALLEN, KINDS, written

QUICK = {"epochs": 1, "streams": 4, "update_every": 32, "sampler": "streams"}
CHUNK = 64  # rows: before it is over, a piece has another length where rows are lost, and another last bit
CLOSE = 1e-5  # float32


@dataclass(frozen=True)
class Fitted:
    """A run that was opened again, its file, and what it says of it."""

    run: object
    frame: pl.DataFrame
    path: Path
    said: pl.DataFrame
    time: str


@pytest.fixture(scope="module", params=KINDS)
def fitted(request, tmp_path_factory):
    folder, kind = tmp_path_factory.mktemp("later"), KINDS[request.param]
    frame = kind.make(np.random.default_rng(7))
    path = written(frame, folder / "data.csv")
    fit(path, folder / "run", "lstm", options=MODEL_OPTIONS["lstm"], training=QUICK, recipe=kind.recipe)
    run = open_run(folder / "run")
    return Fitted(run, frame, path, said(run, path), kind.time), kind


def said(run, path):
    return predict(run, path, chunk=CHUNK)


def check_same(run, before, after, moment=np.inf):
    """The same forecasts before some moment, bit for bit in whole pieces of a single series.

    A bar that is not over when rows are lost is another bar, and what is known in advance ends sooner.
    """
    reach = max(run.recipe.known_ahead, default=0) * 86_400 + 7200.0 * bool(run.recipe.bars)
    keys = [name for name in ("time", "id", "horizon") if name in before.columns]
    before, after = (
        frame.filter(pl.col("time") < moment - reach).sort(keys).drop("row", "actual")
        for frame in (before, after)
    )
    assert before.select(keys).equals(after.select(keys))
    numbers = [name for name in before.columns if name not in keys]
    np.testing.assert_allclose(after.select(numbers), before.select(numbers), rtol=0, atol=CLOSE)
    if "id" not in before.columns or before["id"].n_unique() == 1:
        whole = max(len(before) - 2 * CHUNK, 0)
        assert whole > CHUNK
        assert after.head(whole).equals(before.head(whole))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("what", BEFALLEN)
def test_what_befalls_later_rows_changes_no_earlier_forecast(fitted, what, seed, tmp_path):
    had, _ = fitted
    generator = np.random.default_rng([seed, len(what)])
    times = had.frame[had.time].unique().sort()
    moment = float(times[int(generator.uniform(0.55, 0.95) * len(times))])
    other = BEFALLEN[what](had.frame, had.time, moment, generator)
    try:
        after = said(had.run, written(other, tmp_path / "data.csv"))
    except DataError as error:
        if what == "cut" or "data.csv" not in str(error):
            raise
        return
    check_same(had.run, had.said, after, moment)


def test_a_column_that_the_run_uses_is_missed_and_another_is_not(fitted, tmp_path):
    had, kind = fitted
    for name in had.frame.columns:
        path = written(had.frame.drop(name), tmp_path / "data.csv")
        if name in kind.used:
            with pytest.raises(ColumnError, match=f"data.csv has no column '{name}'"):
                said(had.run, path)
        else:
            check_same(had.run, had.said, said(had.run, path))


def test_columns_that_come_beside_change_nothing(fitted, tmp_path):
    had, _ = fitted
    generator = np.random.default_rng(3)
    more = {
        name: generator.exponential(1.0, len(had.frame))
        for name in ("rate", "qty", "Volume EUR", "last", "Quote Volume", "date", "extra")
    }
    more["extra"][::3] = np.nan
    new = {name: column for name, column in more.items() if name not in had.frame.columns}
    path = written(had.frame.with_columns(**new), tmp_path / "data.csv")
    check_same(had.run, had.said, said(had.run, path))


def test_a_run_keeps_what_was_decided(fitted):
    had, kind = fitted
    layout = json.loads((had.run.folder.path / "config.json").read_text())["data"]["layout"]
    assert layout == had.run.recipe.layout.model_dump(mode="json")
    again = panel_of(had.path, had.run.recipe)
    assert again.layout == had.run.recipe.layout
    assert set(layout["columns"].values()) <= set(kind.used)


def grid_run(folder, name="bars on a grid"):
    """A run on a file, and the file's frame."""
    kind = KINDS[name]
    frame = kind.make(np.random.default_rng(7))
    path = written(frame, folder / "data.csv")
    return open_run(fit_on(path, folder / "run", kind).run.folder.path), frame, path


def fit_on(path, out, kind, **more):
    asked = {"options": MODEL_OPTIONS["lstm"], "training": QUICK, "recipe": kind.recipe} | more
    return fit(path, out, "lstm", **asked)


def test_labels_are_so_many_minutes_ahead_however_many_rows_are_missing(tmp_path):
    run, frame, _ = grid_run(tmp_path)
    kept = frame.filter(
        pl.Series(np.random.default_rng(1).random(len(frame)) < 0.6) | (pl.col("time") < 1.6001e9)
    )
    path = written(kept, tmp_path / "less.csv")
    panel = panel_of(path, run.recipe)
    assert panel.step == 600.0
    labelled = target_of(run.recipe).labelled(panel, np.arange(len(panel)))
    close = dict(kept.select("time", "close").iter_rows())
    expected = {time for time in close if time + 600 in close}
    assert {int(panel.time[row]) for row in labelled} == expected
    actual = dict(predict(run, path).drop_nulls("actual").select("time", "actual").iter_rows())
    assert {time: now > 0 for time, now in actual.items()} == {t: close[t + 600] > close[t] for t in expected}
    found = evaluate(run, path)
    assert {int(panel.time[row]) for row in found.rows} <= expected


def test_a_panel_that_was_read_otherwise_is_refused(tmp_path):
    run, frame, _ = grid_run(tmp_path)
    sparse = frame.filter(pl.Series(np.arange(len(frame)) % 5 < 3))
    with pytest.raises(DataError, match=r"was read in another way .* layout=run.recipe.layout"):
        predict(run, read_panel(sparse))
    panel = read_panel(sparse, layout=run.recipe.layout)
    assert predict(run, panel).equals(predict(run, sparse))


def test_a_panel_that_took_dollars_for_coins_is_refused(tmp_path):
    run, frame, _ = grid_run(tmp_path, "bars with two volumes")
    for name in ("Volume BTC", "Volume USD"):
        with pytest.raises(DataError, match="was read in another way"):
            predict(run, read_panel(frame.drop(name)))
    assert predict(run, read_panel(frame)).equals(predict(run, frame))


def test_a_run_from_before_there_were_layouts_decides_by_each_source(tmp_path):
    run, _, path = grid_run(tmp_path)
    config = run.folder.config
    values = json.loads(config.read_text())
    del values["data"]["layout"]
    config.write_text(json.dumps(values))
    old = open_run(run.folder.path)
    assert old.recipe.layout is None
    assert predict(old, path).equals(predict(run, path))


def test_a_hostile_layout_is_a_broken_run(tmp_path):
    run, _, _ = grid_run(tmp_path)
    config = run.folder.config
    values = json.loads(config.read_text())
    for wrong in ({"every": {"seconds": 1e-300}}, {"source": "table"}, {"clock": "\u001b[2J"}, {"more": 1}):
        other = values | {"data": values["data"] | {"layout": values["data"]["layout"] | wrong}}
        config.write_text(json.dumps(other))
        with pytest.raises(BrokenRunError, match=r"config.json: data"):
            open_run(run.folder.path)


def test_what_is_gone_on_with_is_read_as_it_was(tmp_path):
    _, frame, path = grid_run(tmp_path)
    kind = KINDS["bars on a grid"]
    fit_on(path, tmp_path / "run", kind, resume=True)
    sparse = written(frame.filter(pl.Series(np.arange(len(frame)) % 5 < 3)), tmp_path / "sparse.csv")
    settings = fit_settings(FORECASTING, tmp_path / "run", resume=True)
    assert panel_of(sparse, settings.recipe).step == 600.0
    with pytest.raises(DataError, match="was fitted on other data"):
        fit_on(sparse, tmp_path / "run", kind, resume=True)


def test_a_comparison_is_gone_on_with_on_its_own_data(tmp_path):
    kind = KINDS["bars on a grid"]
    frame = kind.make(np.random.default_rng(7))
    path = written(frame, tmp_path / "data.csv")
    asked = {"models": ["lstm"], "training": QUICK, "recipe": kind.recipe}
    compare(path, tmp_path / "compared", options={"lstm": MODEL_OPTIONS["lstm"]}, **asked)
    planned = plan_comparison(FORECASTING, tmp_path / "compared", resume=True)
    assert planned.recipe.layout == panel_of(path, planned.recipe).layout
    sparse = written(frame.filter(pl.Series(np.arange(len(frame)) % 5 < 3)), tmp_path / "sparse.csv")
    assert panel_of(sparse, planned.recipe).step == 600.0
    shutil.rmtree(tmp_path / "compared" / "lstm")  # as if it had not begun
    with pytest.raises(DataError, match="compared was begun on other data than these"):
        compare(sparse, tmp_path / "compared", resume=True)
