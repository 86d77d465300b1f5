"""Which twin runs can be forced, asked and explained."""

import os
import re
import subprocess
import sys

import pytest

from ostinato.errors import BackendError
from ostinato.ops import backends
from ostinato.ops.choosing import Choice, choose


def in_a_new_process(code: str, backend: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"OSTINATO_BACKEND": backend}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_naive_is_honoured_and_reported():
    code = """
from ostinato import ops
from ostinato.ops import recurrent
for choice in ops.backends():
    print(choice.op, choice.backend, choice.refused)
print(recurrent.gru.__module__)
"""
    finished = in_a_new_process(code, "naive")
    assert finished.returncode == 0, finished.stderr
    *lines, module = finished.stdout.splitlines()
    assert lines == [
        f"{op} naive {{'torch': 'OSTINATO_BACKEND=naive'}}" for op in ("gru", "lstm", "rnn", "scan")
    ]
    assert module == "ostinato.ops.recurrent.naive"


def test_an_unknown_name_gives_the_sentence():
    finished = in_a_new_process("import ostinato.layers", "quantum")
    assert finished.returncode != 0
    assert (
        "OSTINATO_BACKEND is 'quantum', rnn has naive, torch. Unset it to let ostinato choose."
        in finished.stderr
    )


def test_the_fastest_is_taken_by_itself(monkeypatch):
    monkeypatch.setitem(choose.__globals__, "_choices", {})
    for unset in (None, ""):
        if unset is None:
            monkeypatch.delenv("OSTINATO_BACKEND", raising=False)
        else:
            monkeypatch.setenv("OSTINATO_BACKEND", unset)
        assert choose("sum", {"naive": sum, "fast": max}) is max
    assert backends()[-1] == Choice("sum", "fast", {"naive": "fast is faster"})


def test_a_forced_one_is_the_reason(monkeypatch):
    monkeypatch.setitem(choose.__globals__, "_choices", {})
    monkeypatch.setenv("OSTINATO_BACKEND", "naive")
    assert choose("sum", {"naive": sum, "fast": max}) is sum
    monkeypatch.setenv("OSTINATO_BACKEND", "slow")
    with pytest.raises(BackendError, match=re.escape("OSTINATO_BACKEND is 'slow', sum has naive, fast.")):
        choose("sum", {"naive": sum, "fast": max})


def test_every_op_has_chosen():
    assert [choice.op for choice in backends()] == ["gru", "lstm", "rnn", "scan"]
