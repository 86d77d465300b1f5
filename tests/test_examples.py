"""Every example and every piece of Python in the README runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import forkserver

ROOT = Path(__file__).parents[1]
SIZES = {
    "compare_models.py": ["3000"],
    "forecast_a_table.py": ["40"],
    "forecast_returns.py": ["20000"],
    "train_then_run_live.py": ["3000"],
}


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_example(example, tmp_path):
    done = run([str(example), *SIZES.get(example.name, [])], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("place", range(2))
def test_readme(place, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(blocks) == 2
    code = blocks[place].replace("simulate_trades(seed=", "simulate_trades(rows=20_000, seed=")
    done = run(["-c", code], tmp_path)
    assert done.returncode == 0, done.stderr


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *arguments]
    return forkserver.run(command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"})
