"""A forked child gives the right numbers or one sentence; it never waits for threads that it does not have."""

import subprocess
import sys

import pytest

from store.filling import ENVIRONMENT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
SECONDS = 120  # the child is killed then; what is right takes well under one

BEGIN = f"""
import os, signal, sys
import numpy as np
import polars as pl
from ostinato.errors import OstinatoError

def forked(work):
    '''What work says in a child made by fork; nothing where it had to be killed.'''
    here, there = os.pipe()
    if not (child := os.fork()):
        signal.alarm({SECONDS})
        try:
            said = str(work())
        except OstinatoError as error:
            said = type(error).__name__ + ": " + str(error)
        os.write(there, said.encode())
        os._exit(0)
    os.close(there)
    said = os.fdopen(here, "rb").read().decode()
    os.waitpid(child, 0)
    return said

table = {{"time": 1.6e9 + 3600 * np.arange(500), "y": np.arange(500.0)}}
"""
READ = """
import pandas as pd
from ostinato.data.reading import read_panel
def read():
    return len(read_panel(pd.DataFrame(table), target="y").time)
print(forked(read))
read()
print(forked(read))
print(forked(lambda: forked(read)))
"""
POLARS = """
from ostinato.runs import write_predictions
frame = pl.DataFrame({"row": [8], "time": [1.0], "id": ["a"], "p_up": [0.5]})
frame.lazy().select(pl.all().sort()).collect()
print(forked(lambda: write_predictions("nowhere.parquet", frame)))
"""
TORCH = """
import torch
from ostinato.layers import LSTM
torch.set_num_threads(2)
layer, x = LSTM(3, 5), torch.randn(2, 7, 3)
torch.exp(torch.randn(10**6))
def run():
    with torch.no_grad():
        torch.exp(torch.randn(10**6))
        return layer(x)[0].double().sum().item()
print(torch.get_num_threads(), forked(torch.get_num_threads))
print(abs(float(forked(run)) - run()) < 1e-5)
"""
STORE = """
from ostinato.store import Reader, Store
from store.filling import fill, head
with Store.create(sys.argv[1], head()) as store:
    fill(store, 5)
    with Reader.open(sys.argv[1]) as reader:
        print(forked(lambda: reader.events_after(None, 10)))
        print(forked(lambda: fill(store, 5)))
        print(forked(lambda: reader.close()))
        def again():
            with Reader.open(sys.argv[1]) as other:
                return len(other.events_after(None, 10))
        print(forked(again))
        print(len(reader.events_after(None, 10)))
"""


def said(code: str, *arguments: object) -> list[str]:
    process = subprocess.run(
        [sys.executable, "-c", BEGIN + code, *map(str, arguments)],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
    )
    return process.stdout.splitlines()


def test_a_child_reads_only_where_its_parent_had_not():
    before, after, grandchild = said(READ)
    assert before == "500"
    assert after.startswith("ForkError: this process was forked from one that had already read data")
    assert "multiprocessing.get_context('spawn')" in after
    assert grandchild == after


def test_whoever_made_polars_work():
    (words,) = said(POLARS)
    assert words.startswith("ForkError: ")


def test_torch_has_one_thread_in_a_child():
    assert said(TORCH) == ["2 1", "True"]


def test_a_store_is_opened_again(tmp_path):
    refused, written, closed, again, still = said(STORE, tmp_path / "live.db")
    assert refused.startswith("ForkError: this live store was opened by the process that this one was forked")
    assert written.startswith("ForkError: ")
    assert (closed, again, still) == ("None", "5", "5")
