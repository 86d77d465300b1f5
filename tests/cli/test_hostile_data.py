"""Data that cannot be foreseen of: every command refuses in a sentence, and what is there stays, forced or not."""

import datetime
import hashlib
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import ostinato
from cli.test_mistakes import refused

SMALL = ("--set", "units=4", "--set", "epochs=1", "--quiet", "--no-page")
LOAD = ("--target", "load", "--horizon", "3")
FORCED = {
    "fit": ("--model", "rnn"),
    "compare": ("--models", "rnn"),
    "tune": ("--model", "rnn", "--trials", "1"),
}


def hourly(path: Path, rows: int = 300, load: str | None = None, at: dict[int, str] | None = None) -> Path:
    """A table of hours; ``load`` is the same everywhere, ``at`` replaces it in some rows."""
    begin, noise = datetime.datetime(2024, 1, 1), np.random.default_rng(0).normal(0, 0.1, rows)
    with path.open("w") as file:
        file.write("time,load,wind\n")
        for row in range(rows):
            usual = f"{10 + math.sin(row * math.tau / 24) + noise[row]:.4f}" if load is None else load
            value = (at or {}).get(row, usual)
            file.write(f"{begin + datetime.timedelta(hours=row)},{value},{noise[row]:.4f}\n")
    return path


def held(folder: Path) -> str:
    """What a folder holds, as one number."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path.relative_to(folder)).encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return hourly(tmp_path_factory.mktemp("table") / "hours.csv")


@pytest.fixture(scope="module", params=FORCED)
def there(request, table, tmp_path_factory):
    """A run, a comparison, a search."""
    out = tmp_path_factory.mktemp("there") / request.param
    done = ostinato(
        request.param, "forecast", str(table), *LOAD, "--out", str(out), *FORCED[request.param], *SMALL
    )
    assert done.returncode == 0, done.stderr
    return request.param, out


BAD = {
    "never changes": lambda path: hourly(path, load="5"),
    "is 'nan'": lambda path: hourly(path, at={100: "nan"}),
    "is 'inf'": lambda path: hourly(path, at={100: "inf"}),
    "is '1e308'; it must be between": lambda path: hourly(path, at={100: "1e308"}),
    "is 'oops', which is not a number": lambda path: hourly(path, at={100: "oops"}),
    "are too few": lambda path: hourly(path, rows=12),
    "is UTF-16": lambda path: path.write_bytes(hourly(path).read_text().encode("utf-16")),
    "has a header but no rows": lambda path: hourly(path, rows=0),
    "is empty": lambda path: path.write_text(""),
    "is neither text nor parquet": lambda path: path.write_bytes(b"time,load\n\0\1\2"),
    "is a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("words", BAD)
def test_bad_data_replaces_nothing(there, words, tmp_path):
    command, out = there
    BAD[words](tmp_path / "bad.csv")
    before = held(out)
    data = str(tmp_path / "bad.csv")
    said = refused(command, "forecast", data, *LOAD, "--out", str(out), "--force", *FORCED[command], *SMALL)
    assert words in said
    assert held(out) == before


def test_what_is_there_is_kept_and_gone_on_with_as_it_was_begun(there, table):
    command, out = there
    before = held(out)
    again = (command, "forecast", str(table), "--out", str(out))
    assert "--resume" in refused(*again, *LOAD)
    for more in (("--target", "wind"), ("--horizon", "5")):
        assert "was begun with" in refused(*again, "--resume", *more)
    assert held(out) == before


def test_walking_forward_replaces_nothing_where_one_fold_is_bad(table, tmp_path):
    out = tmp_path / "run"
    usual = (*LOAD, "--out", str(out), "--model", "rnn", *SMALL)
    assert ostinato("fit", "forecast", str(table), *usual).returncode == 0
    before = held(out)
    # constant at first, so that only the first fold has nothing to train on
    data = hourly(tmp_path / "late.csv", at=dict.fromkeys(range(235), "5"))
    folds = ("--folds", "2", "--window", "rolling", "--force")
    assert "never changes" in refused("fit", "forecast", str(data), *usual, *folds)
    assert held(out) == before


def test_two_ids_of_different_spans_are_foreseen_together(table, tmp_path):
    head, *rows = table.read_text().splitlines()
    text = [f"id,{head}", *(f"a,{row}" for row in rows), *(f"b,{row}" for row in rows[100:250])]
    (tmp_path / "two.csv").write_text("\n".join(text))
    usual = ("--model", "rnn", "--set", "units=4", "--set", "epochs=1", "--no-page")
    done = ostinato(
        "fit",
        "forecast",
        str(tmp_path / "two.csv"),
        *LOAD,
        "--id",
        "id",
        "--out",
        str(tmp_path / "run"),
        *usual,
    )
    assert done.returncode == 0, done.stderr
    assert "2 series" in done.stdout


def test_a_constant_direction_is_judged_as_one(tmp_path):
    rows = "".join(f"{10**9 + row},100,1\n" for row in range(1500))
    (tmp_path / "still.csv").write_text("time,price,amount\n" + rows)
    usual = ("--out", str(tmp_path / "run"), "--set", "feature_windows=[4]", "--model", "rnn", "--no-page")
    done = ostinato("fit", "forecast", str(tmp_path / "still.csv"), *usual, "--set", "epochs=1")
    assert done.returncode == 0, done.stderr
    assert "cannot be judged" in " ".join(done.stdout.split())


def test_a_gigabyte_of_nothing_is_refused_without_being_read(tmp_path):
    for name, head in (("a.csv", b"time,price,amount\n"), ("a.toml", b"[model]\n")):
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(2**30)
    said = refused("fit", "forecast", str(tmp_path / "a.csv"), "--out", str(tmp_path / "run"))
    assert "neither text nor parquet" in said
    config = ("--config", str(tmp_path / "a.toml"))
    said = refused("fit", "forecast", str(tmp_path / "a.csv"), "--out", str(tmp_path / "run"), *config)
    assert "is longer than the 1,048,576 bytes allowed" in said


def test_more_forecasts_than_memory_holds_are_refused(tmp_path):
    data = hourly(tmp_path / "long.csv", rows=12_000)
    levels = "levels=[" + ",".join(f"{level / 100:.2f}" for level in range(1, 100)) + "]"
    usual = ("--target", "load", "--set", levels, "--out", str(tmp_path / "run"))
    assert "at most 200,000,000" in refused("fit", "forecast", str(data), *usual, "--horizon", "1000")
    assert "at most 100,000" in refused("fit", "forecast", str(data), *usual, "--horizon", "1011")
    assert "are too few" in refused(
        "fit", "forecast", str(data), *usual[:2], *usual[4:], "--horizon", "10000"
    )


@pytest.mark.parametrize("name", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda base: base[..., ::-1], "its quantiles ascend"),
        (lambda base: base * np.nan, "not finite"),
        (lambda base: base[:1], "tensors or shapes differ"),
    ],
    ids=["descends", "nan", "shape"],
)
def test_a_base_that_is_no_distribution(name, change, words, table, tmp_path, base_run):
    from safetensors.numpy import load_file, save_file

    run = tmp_path / "run"
    shutil.copytree(base_run, run)
    tensors = load_file(run / "weights.safetensors")
    tensors["output.base"] = np.ascontiguousarray(change(tensors["output.base"]))
    save_file(tensors, run / "weights.safetensors")
    more = ("-o", str(tmp_path / "p.parquet")) if name == "predict" else ()
    assert words in refused(name, str(run), str(table), *more)


@pytest.fixture(scope="module")
def base_run(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("base") / "run"
    done = ostinato("fit", "forecast", str(table), *LOAD, "--model", "rnn", "--out", str(out), *SMALL)
    assert done.returncode == 0, done.stderr
    return out
