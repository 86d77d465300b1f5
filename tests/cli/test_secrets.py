"""Addresses of webhooks and tokens: no other process of the machine can read them, and nothing we write holds them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import forkserver
from cli.conftest import ostinato
from dashboard.conftest import until
from dashboard.stores import Writer, direction_head
from dashboard.test_webhook import Receiver
from ostinato.cli.serving import Pages
from ostinato.dashboard.addresses import ENVIRONMENT, addresses
from ostinato.errors import ConfigError

SECRET = "hush-4711"
TOKEN = "a-token-of-this-test-0123"


@pytest.fixture
def store(tmp_path):
    writer = Writer(tmp_path / "live.sqlite", direction_head())
    writer.run(30)
    writer.health()
    yield writer.path
    writer.close()


def arguments_of(process: int) -> bytes:
    """As `ps` shows them to everybody."""
    return Path(f"/proc/{process}/cmdline").read_bytes()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows arguments there")
def test_the_page_of_a_live_run_has_no_secret_among_its_arguments(store):
    with Receiver() as receiver:
        url = f"{receiver.url}?key={SECRET}"
        with Pages(store, ["--port", "0"], TOKEN, webhooks=[url]) as pages:
            (child,) = pages.children
            shown = arguments_of(child.pid)
            assert b"ostinato.dashboard" in shown
            assert SECRET.encode() not in shown
            assert TOKEN.encode() not in shown
            until(lambda: len(receiver.keys()) == 30)  # it was told all the same
    said = b"".join(path.read_bytes() for path in store.parent.iterdir() if path.is_file())
    assert SECRET.encode() not in said
    assert not any(SECRET in path.name for path in store.parent.iterdir())


@pytest.mark.parametrize("how", ["file", "environment"])
def test_the_command_takes_addresses_from_elsewhere(store, tmp_path, how):
    with Receiver() as receiver:
        url = f"{receiver.url}?key={SECRET}"
        listed = tmp_path / "hooks"
        listed.write_text(f"{url}\n\n")
        more = ["--webhook", f"@{listed}"] if how == "file" else []
        environment = os.environ | ({} if more else {ENVIRONMENT: url})
        command = [sys.executable, "-m", "ostinato.cli", "dashboard", str(store), "--port", "0", *more]
        with forkserver.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
            try:
                until(lambda: len(receiver.keys()) == 30)
                assert SECRET not in " ".join(map(str, process.args))
                assert SECRET not in process.stdout.readline()
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(20)


@pytest.mark.parametrize(
    "url",
    [
        f"http://example.org/{SECRET}",
        f"nonsense-{SECRET}",
        f"https://[{SECRET}/",
        f"ftp://user:{SECRET}@127.0.0.1/",
    ],
)
def test_a_mistake_does_not_repeat_it(store, url):
    done = ostinato("dashboard", str(store), "--webhook", url)
    assert done.returncode == 1
    assert "webhook" in done.stderr
    assert SECRET not in done.stdout + done.stderr


def test_lists_of_addresses(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, "https://a.example/1 https://a.example/2")
    assert addresses([]) == ["https://a.example/1", "https://a.example/2"]
    assert addresses(["https://b.example/"]) == ["https://b.example/"]
    with pytest.raises(ConfigError, match="No such file"):
        addresses([f"@{tmp_path / 'none'}"])
    for text in (b"", b" \n", b"\xff\xfe\x00", b"x" * 100_000):
        (tmp_path / "list").write_bytes(text)
        with pytest.raises(ConfigError, match="webhooks"):
            addresses([f"@{tmp_path / 'list'}"])
