"""predictions.parquet: what is read back, and that nothing hostile is read at all."""

import io

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.errors import BrokenRunError
from ostinato.runs import predictions, read_predictions, write_predictions

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
        FRAME.with_columns(time=pl.from_epoch("row"), id=pl.lit(None), p_up=pl.col("p_up").cast(pl.Float32)),
    ],
    ids=["direction", "no rows", "quantiles", "dates"],
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


@pytest.mark.parametrize(("frame", "words"), MISFITS)
def test_what_does_not_fit_is_neither_written_nor_read(path, frame, words):
    with pytest.raises(BrokenRunError, match=words):
        write_predictions(path, frame)
    assert not path.exists()
    frame.write_parquet(path)
    with pytest.raises(BrokenRunError, match=words):
        read_predictions(path)


def test_more_rows_than_allowed(path, monkeypatch):
    write_predictions(path, FRAME)
    monkeypatch.setattr(predictions, "MAX_ROWS", 1)
    with pytest.raises(BrokenRunError, match="has 2 rows, more than the 1 allowed"):
        read_predictions(path)


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1PAR1", b"row,time,id,p_up\n", b"\0" * 100])
def test_what_is_no_parquet(path, data):
    path.write_bytes(data)
    with pytest.raises(BrokenRunError, match="is not usable parquet"):
        read_predictions(path)


def as_parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


VALID = as_parquet(FRAME)
FLIPPED = st.tuples(st.integers(0, len(VALID) - 1), st.integers(1, 255)).map(
    lambda at: VALID[: at[0]] + bytes([VALID[at[0]] ^ at[1]]) + VALID[at[0] + 1 :]
)
TRUNCATED = st.integers(0, len(VALID) - 1).map(lambda length: VALID[:length])


@given(FLIPPED | TRUNCATED)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_our_own_errors_comes_out(path, data):
    path.write_bytes(data)
    try:
        found = read_predictions(path)
    except BrokenRunError:
        return
    assert {"row", "time", "id"} < set(found.columns)
