"""``ostinato verify`` as a user meets it."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ostinato.cli import app
from ostinato.errors import BrokenStoreError, StoreError

GOLDEN = Path(__file__).parents[1] / "store" / "golden" / "format-1"


@pytest.fixture
def store(tmp_path):
    return shutil.copytree(GOLDEN, tmp_path / "a") / "live.sqlite"


def verify(*options):
    return CliRunner().invoke(app, ["verify", *map(str, options)])


def test_a_sound_store_is_told_with_its_head(store):
    done = verify(store)
    assert done.exit_code == 0, done.output
    head = json.loads(verify(store, "--json").output)["head_hash"]
    assert f"head of the ledger: {head}" in done.output
    assert "193 events, 193 predictions, 192 scores, 7 keys missing and declared" in done.output
    assert done.output.endswith("no errors found\n")
    assert verify(store, "--expect", head).exit_code == 0


def test_what_is_wrong_is_told_with_both_values_and_ends_with_1(store):
    with sqlite3.connect(store) as stranger:
        stranger.execute("UPDATE scores SET resolved_by = 170 WHERE key = 150")
    done = verify(store)
    assert done.exit_code == 1
    assert "wrong: event 150 was resolved by event 151, its score says 170." in done.output
    told = json.loads(verify(store, "--json").output)
    finding = next(one for one in told["findings"] if one["kind"] == "score")
    assert not told["ok"]
    assert (finding["key"], finding["stored"], finding["recomputed"]) == (150, 170, 151)


def test_a_hash_that_the_store_never_had(store):
    done = verify(store, "--expect", "ab" * 32)
    assert done.exit_code == 1
    assert "is expected, and the store never had it" in done.output


@pytest.mark.parametrize("what", ["nothing", "text", "another program's"])
def test_what_is_no_store_is_a_sentence(what, tmp_path):
    path = tmp_path / "a.sqlite"
    if what == "text":
        path.write_text("hello")
    elif what != "nothing":
        with sqlite3.connect(path) as stranger:
            stranger.execute("CREATE TABLE a (b)")
    done = verify(path)
    assert isinstance(done.exception, (StoreError, BrokenStoreError))  # a sentence, by ``main``
    assert str(path) in str(done.exception)
