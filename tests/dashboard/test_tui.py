"""The same in a terminal, and nothing from the store that could drive it."""

import io
import sys
import time

import pytest
from rich.console import Console

import forkserver
from dashboard.stores import Writer, direction_head
from dashboard.test_view import viewed
from ostinato.dashboard.tui import screen, watch
from ostinato.errors import StoreError


def printed(view, now=None, width=100):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor")
    console.print(screen(view, time.time() if now is None else now))
    return console.file.getvalue()


@pytest.mark.parametrize("kind", ["writer", "values_writer"])
def test_it_says_what_the_page_says(kind, request):
    writer = request.getfixturevalue(kind)
    view = viewed(writer.path)
    plain = Console(file=io.StringIO(), width=160)
    plain.print(screen(view, time.time()))
    text = plain.file.getvalue()
    found, _ = view.changes(0, "auto")
    assert found["headline"]["value"] in text
    assert found["verdict"]["words"] in " ".join(text.split())
    assert "Live" in text
    assert all(cell in text for cell in found["scores"]["rows"][0]["cells"])
    assert text.count("|") >= len(found["calibration"]["p"])


def test_what_is_stale_is_said_and_grey(writer):
    view = viewed(writer.path)
    live, stale = printed(view), printed(view, time.time() + 600)
    value = view.changes(0, "auto")[0]["headline"]["value"]
    assert f"\x1b[1;36m{value}" in live
    assert "Stale" in stale
    assert f"\x1b[2m{value}" in stale


def test_text_of_a_store_cannot_drive_the_terminal(tmp_path):
    writer = Writer(tmp_path / "evil.sqlite", direction_head(feed="[red]x[/red][link=http://x]"))
    writer.run(20)
    writer.note("\x1b]0;owned\x07\x1b[2J\r\n[bold]markup[/bold]\u202eevil")
    writer.gap(why="\x9b31m\x00")
    writer.health(problem="\x1b[5mblink")
    writer.close()
    view = viewed(writer.path)
    for width in (20, 100):
        text = printed(view, width=width)
        assert "\x1b]0" not in text
        assert "\x1b[2J" not in text
        assert "\x1b[5m" not in text
        assert "\x07" not in text
        assert "\x9b" not in text
        assert "\u202e" not in text
    plain = printed(view, width=300)
    assert "[bold]markup[/bold]" in plain
    assert "[red]x[/red]" in plain


def test_it_follows_the_store(writer):
    console = Console(file=io.StringIO(), width=120)
    looks = iter([False, False, True])

    def wait(seconds):
        writer.run(1)
        return next(looks)

    watch(writer.path, console, wait=wait)
    assert f"{writer.key - 1:,}" in console.file.getvalue()


def test_as_a_child_it_ends_with_its_parent(writer):
    command = [sys.executable, "-m", "ostinato.dashboard", str(writer.path), "--tui", "--until-eof"]
    done = forkserver.run(command, input="", timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be told from" in done.stdout


def test_no_store_is_a_sentence(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        watch(tmp_path / "none.sqlite")


def test_before_anything_has_happened(tmp_path):
    writer = Writer(tmp_path / "empty.sqlite", direction_head())
    writer.close()
    assert "Nothing yet" in printed(viewed(writer.path))
