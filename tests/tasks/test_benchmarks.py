"""The benchmark of the trainer runs in its quick form, and the page beside it tells of every benchmark."""

import sys
from pathlib import Path

import forkserver

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_streams_and_windows_has_a_quick_form():
    before = sorted((FOLDER / "results").glob("*"))
    script = FOLDER / "bench_streams_and_windows.py"
    done = forkserver.run([sys.executable, "-W", "error", str(script), "--quick"])
    assert done.returncode == 0, done.stderr
    assert "the same weights give the same: outputs are " in done.stdout
    assert "| seconds for an epoch | " in done.stdout
    assert sorted((FOLDER / "results").glob("*")) == before, "the quick form leaves no record"


def test_every_benchmark_asks_a_question_and_is_told_of():
    page = (FOLDER / "README.md").read_text()
    for path in FOLDER.glob("bench_*.py"):
        first = path.read_text().splitlines()[0]
        assert first.startswith('"""'), path.name
        assert first.endswith("?"), f"the first line of {path.name} is not a question"
        assert f"`{path.name}`" in page
