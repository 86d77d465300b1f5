"""The second task, installed as a package of a stranger would be: by an entry point, and nothing else."""

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="session")
def csv(tmp_path_factory):
    """120 sequences of 3 to 12 steps; the label is a slow mean of one feature: later steps count more."""
    random, parts = np.random.default_rng(0), []
    for number in range(120):
        x = random.normal(size=(random.integers(3, 13), 2)).round(3)
        weight = 0.7 ** np.arange(len(x))[::-1]
        parts.append(
            pl.DataFrame(x, schema=["a", "b"]).select(
                pl.lit(number).alias("sequence"), pl.lit(float(weight @ x[:, 0])).alias("label"), "*"
            )
        )
    path = tmp_path_factory.mktemp("data") / "sequences.csv"
    pl.concat(parts).write_csv(path)
    return path


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A folder for sys.path that announces the task."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "ragged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ragged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ostinato.tasks]\nragged = experiment.ragged:Ragged\n")
    return folder


@pytest.fixture
def ostinato(installed, monkeypatch, capsys):
    """A command in this process: its output, errors being raised."""
    from typer.testing import CliRunner

    from ostinato.cli import app

    monkeypatch.syspath_prepend(str(installed))

    def run(*words, code=0):
        done = CliRunner().invoke(app, [str(word) for word in words])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    return run
