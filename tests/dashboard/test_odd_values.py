"""Every value of a store's head and of its health, made odd: whoever opens the store shows it or says one sentence."""

import io
import json
import sqlite3

import pytest
from rich.console import Console

from dashboard.stores import Writer, direction_head, values_head
from ostinato.dashboard import metrics, tui
from ostinato.dashboard.serialization import to_json
from ostinato.dashboard.view import View
from ostinato.errors import OstinatoError
from ostinato.store import Health, Reader, StoreHeader

HUGE = 10**400
ODD = (
    None, -1, 0, HUGE, 1e308, float("nan"), float("inf"), "", "x" * 5000, "<a href='https://evil.example'>x</a>\0",
    [], {}, [-1], [HUGE], [0.9, 0.1], [float("nan")], ["x", "x"], [0.5, 0.6],
)  # fmt: skip


def altered(path, table, field, value):
    """One value of the head, or of the latest health, replaced in the file."""
    column = "value" if table == "head" else "body"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        where = "name = 'head'" if table == "head" else "id = (SELECT max(id) FROM health)"
        (text,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
        body = json.loads(text)
        body[field] = value
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (json.dumps(body),))
    connection.close()
    return text


def restored(path, table, text):
    column, where = (
        ("value", "name = 'head'") if table == "head" else ("body", "id = (SELECT max(id) FROM health)")
    )
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (text,))
    connection.close()


def looked_at(path):
    """As the page, the meters, the terminal and the export look at a store."""
    with Reader.open(path) as reader:
        view = View("live.sqlite")
        view.opened(reader)
        while view.read(reader, 500):
            pass
        changes, _ = view.changes(0, "auto")
        json.loads(to_json({"status": view.status(1e9)._asdict(), **changes}))
        assert metrics.text(view, 1e9)
        console = Console(file=io.StringIO(), width=100)
        console.print(tui.screen(view, 1e9))


@pytest.fixture(params=["direction", pytest.param("values", marks=pytest.mark.slow)])
def store(request, tmp_path):
    head = direction_head() if request.param == "direction" else values_head()
    writer = Writer(tmp_path / "live.sqlite", head, apart=60.0)
    writer.run(10)
    writer.gap()
    writer.note("n")
    writer.health()
    writer.close()
    looked_at(writer.path)
    return writer.path


FIELDS = {"head": [*StoreHeader.model_fields, "more"], "health": list(Health.model_fields)}


@pytest.mark.parametrize("table", FIELDS)
def test_any_value(store, table):
    refused = 0
    problems = []
    for field in FIELDS[table]:
        for value in ODD if table == "head" else ODD[:8]:
            text = altered(store, table, field, value)
            try:
                looked_at(store)
            except OstinatoError as error:
                refused += 1
                words = str(error)
                assert words.endswith("."), words
                assert len(words) < 1000, words
                assert "\n" not in words
            except Exception as error:
                problems.append((field, str(value)[:30], f"{type(error).__name__}: {error}"[:100]))
            finally:
                restored(store, table, text)
    assert problems == []
    assert refused > 30
    looked_at(store)
