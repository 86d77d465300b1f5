"""Files are whole or not there, even when the process is killed."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from ostinato.errors import BrokenRunError, RunError
from ostinato.runs import RunFolder, append_line, read_lines, replace_file, truncate, write_bytes, write_json
from ostinato.runs.reading import parse_json
from ostinato.runs.writing import plain

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals and links")


def test_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "metrics.json"
    for text in (b"old", b"new"):
        write_bytes(path, text)
        assert path.read_bytes() == text
    assert list(tmp_path.iterdir()) == [path]


def test_reader_sees_the_old_file_until_the_block_ends(tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(b"old")
    with replace_file(path) as file:
        file.write(b"new")
        file.flush()
        (temporary,) = set(tmp_path.iterdir()) - {path}
        assert temporary.name.startswith(f".report.html.{os.getpid()}.")
        assert temporary.name.endswith(".tmp")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_failure_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail():
        with replace_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_disk_holds_the_bytes_before_the_name_and_the_name_before_return(tmp_path, monkeypatch):
    happened = []
    sync, replace = os.fsync, os.replace

    def watched_sync(number):
        happened.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        sync(number)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", lambda *a, **k: (happened.append("rename"), replace(*a, **k)))
    write_bytes(tmp_path / "file", b"x")
    assert happened == ["file", "rename", "folder"]


@posix
@pytest.mark.parametrize("moment", ["in the block", "before the rename"])
def test_sigkill_leaves_the_old_file_and_the_next_process_tidies(tmp_path, moment):
    RunFolder.create(tmp_path).config.write_bytes(b"{}")
    weights = RunFolder(tmp_path).weights
    weights.write_bytes(b"old")
    program = f"""
        import os, signal, sys
        from ostinato.runs import replace_file
        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)
        if {moment!r} == "before the rename":
            os.replace = os.rename = die
        with replace_file(sys.argv[1]) as file:
            file.write(b"new" * 100_000)
            if {moment!r} == "in the block":
                die()
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(weights)])
    assert killed.returncode == -signal.SIGKILL
    assert weights.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 3
    RunFolder.create(tmp_path, resume=True)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "weights.safetensors"}


@posix
def test_a_link_in_the_way_is_replaced_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    link = tmp_path / "weights.safetensors"
    link.symlink_to(precious)
    write_bytes(link, b"new")
    assert precious.read_bytes() == b"mine"
    assert not link.is_symlink()


def test_no_place_to_write_is_one_sentence(tmp_path):
    with pytest.raises(RunError, match=r"cannot write .*nowhere.*metrics.json: No such file or directory"):
        write_bytes(tmp_path / "nowhere" / "metrics.json", b"")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    with pytest.raises(RunError, match=r"cannot write .*folder"):
        write_bytes(tmp_path / "folder", b"")


def test_json_is_plain_and_nan_becomes_null(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"auc": float("nan"), "n": np.int64(3), "p": [np.float32(0.5), -np.inf, (True, None)]})
    assert json.loads(path.read_text()) == {"auc": None, "n": 3, "p": [0.5, None, [True, None]]}
    assert plain({"é": "é"}) == {"é": "é"}


def test_lines_are_appended_and_cut_back(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_lines(path) == []
    first = append_line(path, {"epoch": 1, "loss": np.float64(0.5)})
    second = append_line(path, {"epoch": 2, "loss": float("nan")})
    assert (first, second) == (len(path.read_bytes().split(b"\n")[0]) + 1, path.stat().st_size)
    assert read_lines(path) == [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": None}]
    truncate(path, first)
    assert read_lines(path) == [{"epoch": 1, "loss": 0.5}]
    assert append_line(path, {"epoch": 2, "loss": None}) == second


def test_a_torn_last_line_is_left_out_and_a_torn_middle_is_not(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"epoch": 1}\n{"epo')
    assert read_lines(path) == [{"epoch": 1}]
    path.write_bytes(b'{"epoch": 1}\n{"epo\n{"epoch": 3}\n')
    with pytest.raises(
        BrokenRunError, match=r"metrics.jsonl, line 2 is not usable JSON: Unterminated string"
    ):
        read_lines(path)


def test_few_bytes_that_stand_for_many_values(tmp_path, monkeypatch):
    """An empty list takes 3 bytes in the file and 64 in memory."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"[" + b"[]," * 3_000_000 + b"[]]\n")
    with pytest.raises(BrokenRunError, match="line 1 is longer than the 1,048,576 bytes allowed"):
        read_lines(path)
    with pytest.raises(BrokenRunError, match="x has more than the 4,194,304 values allowed"):
        parse_json(path.read_bytes(), "x")
    path.write_bytes((b"[" + b"[]," * 300_000 + b"[]]\n") * 8)
    with pytest.raises(BrokenRunError, match="line 7: there are more than the 4,194,304 values allowed"):
        read_lines(path)


def test_lines_that_are_gone_are_missed(tmp_path):
    path = tmp_path / "metrics.jsonl"
    truncate(path, 0)
    assert path.read_bytes() == b""
    append_line(path, {"epoch": 1})
    with pytest.raises(BrokenRunError, match=r"metrics.jsonl has 13 bytes, 14 were written. Lines are lost."):
        truncate(path, 14)


@posix
def test_lines_are_not_written_through_a_link(tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    (tmp_path / "metrics.jsonl").symlink_to(precious)
    with pytest.raises(RunError, match=r"cannot write .*metrics.jsonl"):
        append_line(tmp_path / "metrics.jsonl", {})
    with pytest.raises(RunError, match=r"cannot write .*metrics.jsonl"):
        truncate(tmp_path / "metrics.jsonl", 0)
    assert precious.read_bytes() == b"mine"
