"""What a store says of itself, and when it may be gone on with."""

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.errors import BrokenStoreError, StoreError
from ostinato.store import Reader, Store
from store.filling import FIRST, assert_prefix, event, fill, head


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "live.db"
    with Store.create(path, head()) as store:
        fill(store, 10)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"feed": "binance:ETHUSDT"}, "feed is 'binance:BTCUSDT', now it is 'binance:ETHUSDT'"),
        ({"kind": "bars"}, "kind"),
        ({"columns": ("price",)}, "columns is 'price, amount', now it is 'price'"),
        ({"target": "value"}, "target"),
        ({"outputs": ("q50",)}, "outputs"),
        ({"horizons": (2,)}, "horizons"),
        ({"baselines": ()}, "baselines"),
        ({"digest": "cd" * 32}, "other weights"),
    ],
)
def test_a_store_of_something_else_is_refused(path, change, said):
    with pytest.raises(BrokenStoreError, match=said) as caught:
        Store.open(path, head(**change))
    assert "another --store" in str(caught.value)
    with Store.open(path, head()) as store:  # and the lock was let go
        fill(store, 5)
    assert assert_prefix(path) == 15


def test_what_does_not_matter_may_differ(path):
    with Store.open(path, head(run="elsewhere", created=2e9, version="9", policy="reset")) as store:
        assert store.head == head()


def test_weights_that_were_added_may_go_on(path):
    with Store.open(path) as store:
        store.begin()
        store.add_model("cd" * 32, "runs/two")
        store.commit()
    Store.open(path, head(digest="cd" * 32)).close()


def test_a_file_of_another_kind_is_refused(tmp_path):
    missing, text, other, folder = (tmp_path / name for name in ("missing", "text", "other", "folder"))
    text.write_text("price,amount\n" * 100)
    stranger = sqlite3.connect(other)
    stranger.execute("CREATE TABLE notes (text)")
    stranger.commit()
    stranger.close()
    folder.mkdir()
    before = other.read_bytes()
    for way in (Store.open, Reader.open):
        with pytest.raises(StoreError, match="there is no store"):
            way(missing)
        with pytest.raises(BrokenStoreError, match="no SQLite file"):
            way(text)
        with pytest.raises(BrokenStoreError, match="another program's"):
            way(other)
        with pytest.raises(BrokenStoreError, match="no regular file"):
            way(folder)
    assert other.read_bytes() == before
    for taken in (text, other, folder):
        with pytest.raises(StoreError, match="already a file"):
            Store.create(taken, head())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        Store.create(tmp_path / "not" / "there", head())


def change_head(path, text):
    stranger = sqlite3.connect(path)
    stranger.execute("UPDATE head SET value = ? WHERE name = 'head'", (text,))
    stranger.commit()
    stranger.close()


@pytest.mark.parametrize("where", ["head", "file"])
def test_a_newer_format_is_refused(path, where):
    if where == "head":
        change_head(path, head().model_dump_json().replace('"format_version":2', '"format_version":3'))
    else:
        stranger = sqlite3.connect(path)
        stranger.execute("PRAGMA user_version = 3")
        stranger.close()
    for way in (Store.open, Reader.open):
        with pytest.raises(BrokenStoreError, match=r"newer ostinato.*Upgrade"):
            way(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"format_version": 1}',
        '{"format_version": "1"}',
        "null",
        '{"format_version": true}',
    ],
)
def test_a_hostile_head_is_refused(path, text):
    change_head(path, text)
    with pytest.raises(BrokenStoreError):
        Reader.open(path)


def test_control_characters_do_not_get_in(path):
    fields = json.loads(head().model_dump_json())
    change_head(path, json.dumps(fields | {"feed": "\x1b[2Jgone"}))
    with pytest.raises(BrokenStoreError, match="control characters") as caught:
        Reader.open(path)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW extra AS SELECT 1",
        "CREATE TRIGGER sly AFTER INSERT ON notes BEGIN DELETE FROM events; END",
        "DROP TRIGGER predictions_no_update",
        "ALTER TABLE events ADD COLUMN more",
    ],
)
def test_other_tables_and_triggers_are_refused(path, statement):
    stranger = sqlite3.connect(path)
    stranger.execute(statement)
    stranger.commit()
    stranger.close()
    with pytest.raises(BrokenStoreError, match="not those of a store"):
        Store.open(path)


@pytest.mark.parametrize("columns", [(), ("key",), ("Time",), ("a", "A"), ("a\n",), ("",), ("x" * 300,)])
def test_columns_that_cannot_be_kept(columns):
    with pytest.raises(StoreError, match="no store can be made of this"):
        head(columns=columns)


names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(st.lists(names, min_size=1, max_size=5, unique_by=str.lower))
@settings(max_examples=25, deadline=None)
def test_columns_of_any_name(tmp_path_factory, columns):
    try:
        wanted = head(columns=tuple(columns))
    except StoreError:
        return
    path = tmp_path_factory.mktemp("names") / "live.db"
    values = tuple(float(index) for index in range(len(columns)))
    with Store.create(path, wanted) as store:
        store.begin()
        store.add_event(event(FIRST)._replace(values=values))
        store.commit()
    with Store.open(path, wanted) as store, Reader.open(path) as reader:
        assert reader.events_after()[0].values == values
        assert reader.head.columns == tuple(columns)
