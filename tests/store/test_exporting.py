"""A store's events as a data file that the commands can read."""

import polars as pl
import pytest

from ostinato.data.reading import read_panel
from ostinato.errors import StoreError
from ostinato.store import Store, export, seal
from store.filling import FIRST, event, fill, head, number


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 250, group=50, step=600.0, start=1.7e9)
        assert len(seal(store, 1e12)) >= 1
    return path


def test_the_events_are_read_as_data(path, tmp_path):
    assert export(path, tmp_path / "events.parquet") == 250
    frame = pl.read_parquet(tmp_path / "events.parquet")
    assert frame.columns == ["id", "time", "price", "amount"]
    wanted = [event(key, step=600.0) for key in range(FIRST, FIRST + 250)]
    assert frame["id"].to_list() == [one.key for one in wanted]
    assert frame["time"].to_list() == [one.time for one in wanted]
    assert frame["price"].to_list() == [one.values[0] for one in wanted]
    assert frame["amount"].to_list() == [None if key % 7 == 0 else key for key in range(FIRST, FIRST + 250)]
    whole = tmp_path / "whole.parquet"
    frame.with_columns(amount=pl.col("amount").fill_null(1.0)).write_parquet(whole)
    panel = read_panel(whole)
    assert len(panel) == 250
    assert panel.values["price"].tolist() == frame["price"].to_list()


@pytest.mark.parametrize("newest", [1, 30, 100, 200, 249, 250, 1000])
def test_the_newest_alone(newest, path, tmp_path):
    """The first of 250 lie in sealed days."""
    assert export(path, tmp_path / "events.parquet", newest=newest) == min(newest, 250)
    kept = pl.read_parquet(tmp_path / "events.parquet")["id"].to_list()
    assert kept == list(range(FIRST, FIRST + 250))[-newest:]


def test_with_predictions_beside_them(path, tmp_path):
    export(path, tmp_path / "all.parquet", predictions=True)
    frame = pl.read_parquet(tmp_path / "all.parquet")
    assert frame["p_up"].to_list() == [number(key) for key in range(FIRST, FIRST + 250)]
    assert frame["flags"].to_list()[:6] == [3, 3, 3, 2, 2, 0]


def test_the_newest_with_predictions_beside_them(path, tmp_path):
    assert export(path, tmp_path / "all.parquet", predictions=True, newest=50) == 50
    frame = pl.read_parquet(tmp_path / "all.parquet")
    assert frame["p_up"].to_list() == [number(key) for key in range(FIRST + 200, FIRST + 250)]


def test_events_without_predictions(tmp_path):
    with Store.create(tmp_path / "live.db", head()) as store:
        store.begin()
        store.add_event(event(FIRST))
        store.commit()
    assert export(tmp_path / "live.db", tmp_path / "all.parquet", predictions=True) == 1
    assert pl.read_parquet(tmp_path / "all.parquet")["p_up"].to_list() == [None]


def test_columns_that_would_collide(tmp_path):
    with Store.create(tmp_path / "a.db", head(columns=("id", "price"))):
        pass
    with pytest.raises(StoreError, match="column id"):
        export(tmp_path / "a.db", tmp_path / "out")
    with Store.create(tmp_path / "b.db", head(columns=("p_up", "price"))):
        pass
    with pytest.raises(StoreError, match="both have a column p_up"):
        export(tmp_path / "b.db", tmp_path / "out", predictions=True)
    with pytest.raises(StoreError, match="cannot use"):
        export(tmp_path / "b.db", tmp_path / "no" / "folder")
