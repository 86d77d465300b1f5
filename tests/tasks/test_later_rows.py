"""What comes later in a file, or beside what a run reads of it, changes no earlier forecast, or is refused."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from contract.registry.models import MODEL_OPTIONS
from ostinato.errors import ColumnError, DataError
from ostinato.tasks.forecasting import fit, open_run, panel_of, predict
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
