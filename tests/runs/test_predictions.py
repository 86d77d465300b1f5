"""predictions.parquet: what is read back, and that nothing hostile is read at all."""

import io
import random
from pathlib import Path

import polars as pl
import pytest

from ostinato.errors import BrokenRunError, ConfigError
from ostinato.files import parquet as parsing
from ostinato.runs import parquet, predictions, read_predictions, write_predictions
from ostinato.runs.predictions import quantile_level, quantile_name

FRAME = pl.DataFrame(
    {"row": [8, 9], "time": [1534131395.0, 1534131412.5], "id": ["a", None], "p_up": [0.25, 1.0]}
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "predictions [a].parquet"  # polars would take the brackets for a pattern


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        FRAME.head(0),
        FRAME.rename({"p_up": "q50"}).with_columns(q10=pl.lit(-3.0), q90=pl.lit(1e9)),
        FRAME.rename({"p_up": "q02.5"}).with_columns(**{"q97.5": pl.lit(1.0), "q99.999": pl.lit(2.0)}),
        FRAME.with_columns(time=pl.from_epoch("row"), id=pl.lit(None), p_up=pl.col("p_up").cast(pl.Float32)),
    ],
    ids=["direction", "no rows", "quantiles", "fine quantiles", "dates"],
)
def test_round_trip(path, frame):
    write_predictions(path, frame)
    assert read_predictions(path).equals(frame, null_equal=True)
    assert list(path.parent.iterdir()) == [path]


MISFITS = [
    (FRAME.drop("row"), "the column row is missing."),
    (FRAME.drop("id"), "the column id is missing."),
    (FRAME.drop("p_up"), "there is no forecast. A column p_up, or q10 to q90, is expected."),
    (FRAME.with_columns(loss=1.0), "the column 'loss' is unknown. p_up, or q10 to q90, is expected."),
    (FRAME.with_columns(q5=1.0), "the column 'q5' is unknown"),
    (FRAME.with_columns(**{"q10.0": 1.0}), "the column 'q10.0' is unknown"),
    (FRAME.with_columns(q100=1.0), "the column 'q100' is unknown"),
    (FRAME.with_columns(**{"q2.5": 1.0}), "the column 'q2.5' is unknown"),
    (FRAME.with_columns(row=pl.col("row").cast(pl.Float64)), "the column row cannot be Float64."),
    (FRAME.with_columns(time=pl.lit("now")), "the column time cannot be String."),
    (FRAME.with_columns(id=pl.lit(1.5)), "the column id cannot be Float64."),
    (FRAME.with_columns(p_up=pl.lit(1)), "the column p_up cannot be Int32."),
    (FRAME.with_columns(p_up=pl.lit(1.5)), "p_up has values outside 0 and 1."),
    (FRAME.with_columns(p_up=pl.lit(-0.1)), "p_up has values outside 0 and 1."),
    (FRAME.with_columns(p_up=pl.lit(float("nan"))), "p_up has values that are missing or not finite."),
    (FRAME.with_columns(q50=pl.lit(None, pl.Float64)), "q50 has values that are missing or not finite."),
    (FRAME.with_columns(q50=pl.lit(float("inf"))), "q50 has values that are missing or not finite."),
]


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (0.1, "q10"),
        (0.5, "q50"),
        (0.07, "q07"),
        (0.29, "q29"),
        (0.025, "q02.5"),
        (0.975, "q97.5"),
        (0.02, "q02"),
        (0.005, "q00.5"),
        (0.995, "q99.5"),
        (0.00001, "q00.001"),
        (0.99999, "q99.999"),
        (0.3333, "q33.33"),
    ],
)
def test_a_quantile_is_called_by_its_level(level, name):
    assert quantile_name(level) == name
    assert quantile_level(name) == level


def test_every_level_that_a_name_can_hold_has_its_own():
    levels = [k / 100_000 for k in range(1, 100_000)]
    names = [quantile_name(level) for level in levels]
    assert len(set(names)) == len(names)
    assert [quantile_level(name) for name in names] == levels
    assert all(predictions.QUANTILE.fullmatch(name) for name in names)


@pytest.mark.parametrize("level", [0.0, 1.0, 0.1234567, 1e-6, 0.999999, -0.1])
def test_a_level_that_no_name_can_hold_is_refused(level):
    with pytest.raises(ConfigError, match="have at most 5 decimals, got "):
        quantile_name(level)


def without_its_process(path, check):
    """The same, quicker."""
    check(pl.read_parquet_schema(path))
    return pl.read_parquet(path)


@pytest.mark.parametrize(("frame", "words"), MISFITS)
def test_what_does_not_fit_is_neither_written_nor_read(path, frame, words, monkeypatch):
    monkeypatch.setattr(predictions, "read_parquet", without_its_process)
    with pytest.raises(BrokenRunError, match=words):
        write_predictions(path, frame)
    assert not path.exists()
    path = path.with_name("predictions.parquet")
    frame.write_parquet(path)
    with pytest.raises(BrokenRunError, match=words):
        read_predictions(path)


def test_more_rows_than_allowed(path, monkeypatch):
    write_predictions(path, FRAME)
    monkeypatch.setattr(parquet, "MAX_ROWS", 2)
    read_predictions(path)
    monkeypatch.setattr(parquet, "MAX_ROWS", 1)
    with pytest.raises(BrokenRunError, match="has more than the 1 rows allowed"):
        read_predictions(path)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"row,time,id,p_up\n", b"\0" * 100])
def test_what_is_no_parquet(path, data):
    path.write_bytes(data)
    with pytest.raises(BrokenRunError, match="is not usable parquet"):
        read_predictions(path)


def damaged(draw):
    """A valid file with one byte changed."""
    file = io.BytesIO()
    FRAME.write_parquet(file)
    data = bytearray(file.getvalue())
    data[draw.randrange(len(data))] ^= draw.randrange(1, 256)
    return bytes(data)


@pytest.mark.parametrize("seed", range(6))
def test_nothing_but_our_own_errors_comes_out(path, seed):
    path.write_bytes(damaged(random.Random(seed)))
    words = ""
    try:
        read_predictions(path)
    except BrokenRunError as error:
        words = str(error)
    assert words.isprintable()


def test_a_file_that_makes_polars_abort(path):
    # a page that claims terabytes; found by changing bytes of a valid file until the process ended
    path.write_bytes((Path(__file__).parent / "hostile" / "aborts-polars-2.1.parquet").read_bytes())
    with pytest.raises(BrokenRunError, match=r"is not usable parquet: '"):
        read_predictions(path)


def test_the_reason_is_the_last_line_that_speaks_of_it(path, monkeypatch, tmp_path):
    write_predictions(path, FRAME)
    monkeypatch.setattr(parsing, "CHILD", tmp_path / "child.py")
    parsing.CHILD.write_text(
        "import sys; sys.exit('Traceback:\\nmemory allocation failed\\nnote: run with\\n')"
    )
    with pytest.raises(BrokenRunError, match=r"is not usable parquet: 'memory allocation failed'\."):
        read_predictions(path)


def test_a_reader_that_breaks_off_or_hangs(path, monkeypatch, tmp_path):
    write_predictions(path, FRAME)
    child = tmp_path / "child.py"
    monkeypatch.setattr(parsing, "CHILD", child)
    child.write_text("import os; os.abort()")
    with pytest.raises(BrokenRunError, match=r"is not usable parquet: 'the reader broke off'"):
        read_predictions(path)
    child.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(parquet, "MAX_SECONDS", 0.5)
    with pytest.raises(BrokenRunError, match=r"was not read within 0.5 seconds"):
        read_predictions(path)


def test_rows_that_take_more_memory_than_allowed(path, monkeypatch):
    write_predictions(path, FRAME)
    monkeypatch.setattr(parquet, "MAX_KEPT", 30)
    with pytest.raises(BrokenRunError, match="its rows take more than the 30 bytes allowed"):
        read_predictions(path)
