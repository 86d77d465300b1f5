"""A child process ends with the one that started it, even where that is killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ostinato.errors import OstinatoError
from ostinato.live.children import ChildProcess

SLEEPER = """
import sys, time
from ostinato.files.ending import end_with_parent
end_with_parent()
print("ready", flush=True)
time.sleep(float(sys.argv[1]))
print("a sentence", file=sys.stderr)
sys.exit(3)
"""
STARTER = """
import sys
from ostinato.live.children import ChildProcess
child = ChildProcess("sleeper", "60")
child.line()
print(child.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def sleeper(tmp_path, monkeypatch):
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def gone(number):
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if ") Z " in Path(f"/proc/{number}/stat").read_text():  # nobody waits for it where init does not
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_it_ends_when_its_parent_is_killed(sleeper):
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        number = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone(number)


def test_it_ends_when_it_is_closed(sleeper):
    child = ChildProcess("sleeper", "60")
    assert child.line() == "ready"
    assert child.code() is None
    child.close()
    assert child.process.returncode == -signal.SIGTERM
    child.close()


def test_a_line_without_an_end_is_refused(tmp_path, monkeypatch):
    (tmp_path / "talker.py").write_text("print('x' * 100_000, flush=True)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    child = ChildProcess("talker")
    with pytest.raises(OstinatoError, match="talker wrote a line of more than 65,536 bytes"):
        child.line()
    child.close()


def test_what_it_says_and_how_it_ends(sleeper, tmp_path):
    child = ChildProcess("sleeper", "0", log=tmp_path / "log")
    assert child.line() == "ready"
    assert child.line() == ""
    assert child.process.wait(20) == child.code() == 3
    assert child.error_text() == "a sentence"
    child.close()
    assert (tmp_path / "log").read_text() == "a sentence\n"
