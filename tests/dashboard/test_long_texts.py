"""Texts of any length, by a feed or in a store of somebody else: cut where they come in and where they are read."""

import json
import sqlite3

from dashboard.test_view import shown, viewed
from ostinato.errors import LONGEST_TEXT, cut
from ostinato.live.journal import Journal
from ostinato.store import Reader

LONG = "x" * 30_000_000
MARK = "… (cut: 30,000,000 characters)"


def test_what_a_feed_says_is_cut(writer, tmp_path):
    writer.note(LONG, LONG)
    writer.gap(LONG, LONG, LONG)
    writer.health(problem=LONG, training=LONG)
    assert writer.path.stat().st_size < 1_000_000
    with Reader.open(writer.path) as reader:
        note, gap = reader.notes_after()[-1], reader.gaps()[-1]
        texts = [note.kind, note.text, gap.reason, gap.why, reader.latest_health()[1].problem]
    assert all(len(text) <= LONGEST_TEXT and text.endswith(MARK) for text in texts)
    journal = Journal(tmp_path / "log")
    journal.write("note", text=LONG)
    journal.close()
    assert (tmp_path / "log").stat().st_size < 5_000


def test_what_a_strangers_store_says_is_cut(writer):
    writer.note("n")
    writer.gap()
    writer.close()
    with sqlite3.connect(writer.path) as connection:
        connection.execute("UPDATE notes SET text = ?", (LONG,))
        connection.execute("UPDATE gaps SET why = ?", (LONG,))
    connection.close()
    found = json.dumps(shown(viewed(writer.path)))
    assert len(found) < 100_000
    assert found.count("(cut: 30000000 characters)") == 2


def test_a_cut_text_is_not_cut_again():
    once = cut(LONG)
    assert cut(once) == once
    assert len(once) == LONGEST_TEXT
