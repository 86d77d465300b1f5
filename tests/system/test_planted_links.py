"""A link under a name that can be foreseen, put there by somebody who may write to the folder: none is followed."""

import os
import sys
from pathlib import Path

import pytest

from ostinato.dashboard.webhook import read_cursor, write_cursor
from ostinato.errors import ConfigError, RunError, StoreError
from ostinato.files.links import make_folder, open_no_link
from ostinato.live.children import ChildProcess
from ostinato.live.journal import Journal
from ostinato.live.parts import locked
from ostinato.store.locking import WriterLock

MINE = b"a file of the user's\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "elsewhere" / "precious"
    path.parent.mkdir()
    path.write_bytes(MINE)
    return path


def cursor(place, victim):
    for name in ("live.webhook.json", "live.webhook.json.new", ".live.webhook.json.tmp"):
        (place / name).symlink_to(victim)
    write_cursor(place / "live.webhook.json", 7)
    assert read_cursor(place / "live.webhook.json") == 7
    assert not (place / "live.webhook.json").is_symlink()
    assert (place / "live.webhook.json").stat().st_mode & 0o077 == 0


def log(place, victim):
    (place / "live.jsonl").symlink_to(victim)
    with pytest.raises(ConfigError, match="is a link"):
        Journal(place / "live.jsonl")


def log_of_a_child(place, victim):
    (place / "1.log").symlink_to(victim)
    with pytest.raises(OSError, match="is a link"):
        ChildProcess("ostinato.nothing", log=place / "1.log")


def lock_of_a_store(place, victim):
    (place / "live.sqlite.lock").symlink_to(victim)
    with pytest.raises(StoreError, match="a link"):
        WriterLock(place / "live.sqlite")


def lock_of_a_fetch(place, victim):
    (place / "out.parquet.parts").mkdir()
    (place / "out.parquet.parts" / "lock").symlink_to(victim)
    with pytest.raises(RunError, match="is a link"), locked(place / "out.parquet"):
        pass


@pytest.mark.parametrize("write", [cursor, log, log_of_a_child, lock_of_a_store, lock_of_a_fetch])
def test_what_it_leads_to_stays_what_it_was(tmp_path, victim, write):
    place = tmp_path / "place"
    place.mkdir()
    write(place, victim)
    assert victim.read_bytes() == MINE


def test_a_cursor_that_is_a_link_is_not_read(tmp_path):
    (tmp_path / "theirs").write_text('{"after": 9}')
    (tmp_path / "mine").symlink_to(tmp_path / "theirs")
    with pytest.raises(StoreError, match="it is a link, which is not followed"):
        read_cursor(tmp_path / "mine")
    (tmp_path / "lost").symlink_to(tmp_path / "nothing")
    with pytest.raises(StoreError, match="is a link"):
        read_cursor(tmp_path / "lost")
    os.mkfifo(tmp_path / "pipe")
    assert read_cursor(tmp_path / "pipe") is None  # and does not wait for a writer


def test_a_log_may_go_to_a_stream_of_ours(capfd):
    journal = Journal(Path("/dev/stderr"))
    journal.write("hello")
    journal.close()
    assert '"hello"' in capfd.readouterr().err


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make links of others"
)
def test_a_folder_of_another_is_not_taken(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "models").symlink_to(tmp_path / "theirs")
    make_folder(tmp_path / "models")  # a link of the user's own: as to a larger disk
    os.lchown(tmp_path / "models", 65534, 65534)
    with pytest.raises(OSError, match="link of another user"):
        make_folder(tmp_path / "models")


def test_a_file_is_opened_as_ever(tmp_path):
    with os.fdopen(open_no_link(tmp_path / "new", os.O_WRONLY | os.O_CREAT), "wb") as file:
        file.write(b"x")
    assert (tmp_path / "new").read_bytes() == b"x"
    with pytest.raises(FileNotFoundError):
        open_no_link(tmp_path / "none", os.O_RDONLY)
