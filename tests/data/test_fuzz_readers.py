"""Whatever a reader is given, nothing but our own errors comes out."""

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostinato.data.panel import Panel
from ostinato.data.reading import read_panel
from ostinato.errors import OstinatoError

SETTINGS = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = (
    "time",
    "date",
    "unix",
    "price",
    "amount",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "Volume USD",
    "id",
    "x",
)
names = st.sampled_from([*NAMES, "nowhere", "", "*"])
options = st.fixed_dictionaries(
    {},
    optional={
        "target": st.sampled_from(["direction", "return", "x", "close", "x,price", "nowhere", ","]),
        "bars": st.sampled_from(["", "1s", "1m", "1h", "1d", "3t", "2v", "0.5v", "1x", "0m", "9999999d"]),
        "id": names,
        "known": st.lists(names, max_size=2),
        "covariates": st.lists(names, max_size=2),
        "columns": st.dictionaries(
            st.sampled_from(["time", "price", "close", "volume", "side", "odd"]), names, max_size=2
        ),
        "time_unit": st.sampled_from([None, "s", "ms", "ns", "h"]),
        "time_zone": st.sampled_from([None, "UTC", "Europe/Berlin", "America/New_York", "Mars/Base", "../x"]),
        "holidays": st.sampled_from(["", "US", "DE-BY", "NYSE", "Atlantis"]),
    },
)
cells = st.one_of(
    st.sampled_from(
        ["", "0", "1", "-1", "1.5", "nan", "inf", "1e400", "abc", '"', '"a,b"', "2018-08-13", " 7 ", "\ufeff"]
    ),
    st.sampled_from(
        [
            "2018-03-25 02:30:00",
            "2018-10-28 02:00:00",
            "2018-10-28T02:30:00+01:00",
            "0001-01-01",
            "9999-12-31",
        ]
    ),
    st.integers(1_534_131_390, 1_534_131_400).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.text(max_size=5),
)


def reads_or_refuses(source: object, given_options: dict) -> None:
    """A whole panel, or one of our errors in a printable line."""
    words = ""
    try:
        check(read_panel(source, **given_options))
    except OstinatoError as error:
        words = str(error)
    assert "\n" not in words


def check(panel: Panel) -> None:
    """What Panel promises."""
    assert panel.report.lines()
    assert len(panel) > 0
    assert panel.starts[0] == 0
    assert len(panel.starts) == len(panel.ids)
    assert (np.diff(panel.starts) > 0).all()
    assert np.isfinite(panel.time).all()
    for values in panel.values.values():
        assert values.shape == (len(panel),)
        assert values.dtype == np.float64
        assert np.isfinite(values).all()
    assert panel.observed is None or panel.observed.shape == (len(panel),)
    assert set(panel.targets) | set(panel.known) <= set(panel.values)


@SETTINGS
@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.csv.gz"]), st.booleans(), options)
def test_bytes(tmp_path, content, name, packed, given_options):
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    reads_or_refuses(path, given_options)


@SETTINGS
@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=7, unique=True),
    st.lists(st.lists(cells, max_size=8), max_size=8),
    st.sampled_from([",", ";", "\t"]),
    options,
)
def test_text(tmp_path, header, rows, separator, given_options):
    path = tmp_path / "x.csv"
    lines = [header, *(row[: len(header)] + ["1"] * (len(header) - len(row)) for row in rows)]
    path.write_text(
        "\n".join(separator.join(line) for line in lines), encoding="utf-8", errors="surrogatepass"
    )
    reads_or_refuses(path, given_options)


@SETTINGS
@given(st.data(), options)
def test_ragged_text(tmp_path, data, given_options):
    path = tmp_path / "x.csv"
    rows = data.draw(st.lists(st.lists(cells, max_size=6), max_size=6))
    path.write_text("time,price,amount\n" + "\n".join(",".join(row) for row in rows), encoding="utf-8")
    reads_or_refuses(path, given_options)


sensible = st.fixed_dictionaries(
    {"target": st.sampled_from(["direction", "x", "x,close", "volume", "return"])},
    optional={
        "bars": st.sampled_from(["", "30s", "1m", "2h", "1d", "3t", "2v"]),
        "id": st.sampled_from(["", "id"]),
        "known": st.sampled_from([(), ("k",)]),
        "covariates": st.sampled_from([(), ("volume",), ("*",)]),
        "time_zone": st.sampled_from([None, "UTC", "Europe/Berlin"]),
        "holidays": st.sampled_from(["", "US"]),
    },
)
STEPS = ("1h", "15m", "1d", "1mo", "7d", "1s", "1q", "1y")


@settings(parent=SETTINGS, max_examples=300)
@given(
    st.sampled_from(STEPS),
    st.sampled_from(["2018-03-24T20:00", "2018-10-28T00:00", "2018-01-31T00:00", "1969-12-31T00:00"]),
    st.integers(2, 30),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 9), cells), max_size=3),
    st.lists(st.integers(0, 100), max_size=2),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["iso", "s", "naive"]),
    st.booleans(),
    sensible,
)
def test_nearly_right(
    tmp_path, step, first, rows, damage, lost, reverse, has_prices, kind, two, given_options
):
    """Regular series with a few odd cells, lost rows and repeated ones."""
    begin = pl.Series([first]).str.to_datetime("%Y-%m-%dT%H:%M")[0]
    size, unit = int(step.rstrip("hmdosqy")), step.lstrip("0123456789")
    time = pl.Series([begin] * rows).dt.offset_by(pl.Series([f"{k * size}{unit}" for k in range(rows)]))
    close = pl.Series([100.0 + k % 3 for k in range(rows)])
    frame = pl.DataFrame(
        {"time": time, "x": close, "close": close, "volume": close, "k": close, "price": close}
    )
    frame = frame.with_columns(open=close, high=close + 1, low=close - 1, amount=close)
    frame = frame.drop("price") if has_prices else frame.drop("open", "high", "low")
    names_there = frame.columns
    frame = frame.with_columns(id=pl.lit("a"))
    frame = pl.concat([frame, frame.with_columns(id=pl.lit("b"))]) if two else frame
    form = {"iso": "%Y-%m-%dT%H:%M:%SZ", "naive": "%Y-%m-%d %H:%M:%S"}
    shown = (
        pl.col("time").dt.epoch("s").cast(pl.String)
        if kind == "s"
        else pl.col("time").dt.strftime(form[kind])
    )
    table = frame.with_columns(shown).with_columns(pl.all().cast(pl.String))
    table = table.reverse() if reverse else table
    for row, column, cell in damage:
        name = names_there[column % len(names_there)]
        cells_there = table[name].to_list()
        cells_there[row % len(cells_there)] = cell
        table = table.with_columns(pl.Series(name, cells_there))
    gone = {row % len(table) for row in lost}
    table = table.with_row_index("n").filter(~pl.col("n").is_in(list(gone))).drop("n")
    path = tmp_path / "x.csv"
    table.write_csv(path)
    reads_or_refuses(path, given_options)
    reads_or_refuses(table, given_options)


FILES = {"btcusd-hourly.csv": {}, "btcusd-trades.csv": {}, "series/ETTh1.csv": {"target": "OT"}}


@pytest.mark.parametrize("file", FILES)
@SETTINGS
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4)), min_size=1, max_size=3),
    st.booleans(),
    options,
)
def test_real_heads_with_damage(tmp_path, file, changes, plain, given_options):
    folder = os.environ.get("OSTINATO_DATA")
    if not folder:
        pytest.skip("OSTINATO_DATA is unset: set it to the folder of real data to run this test")
    with (Path(folder) / file).open("rb") as source:
        content = b"".join(source.readline() for _ in range(200))
    for place, new in changes:
        place %= len(content)
        content = content[:place] + new + content[place + 1 :]
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    reads_or_refuses(path, FILES[file] if plain else given_options)


columns = st.one_of(
    st.lists(st.one_of(st.none(), st.floats()), min_size=6, max_size=6).map(
        lambda c: pl.Series(c, dtype=pl.Float64)
    ),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=6, max_size=6).map(
        lambda c: pl.Series(c, dtype=pl.Int64)
    ),
    st.lists(st.text(max_size=3), min_size=6, max_size=6).map(pl.Series),
    st.lists(st.one_of(st.none(), st.datetimes()), min_size=6, max_size=6).map(
        lambda c: pl.Series(c, dtype=pl.Datetime("us"))
    ),
    st.lists(st.dates(), min_size=6, max_size=6).map(pl.Series),
    st.sampled_from(
        [
            pl.Series([1, 2, 3, 4, 5, 6]),
            pl.Series([86400.0 * k for k in range(6)]),
            pl.Series([None] * 6),
            pl.Series([True] * 6),
            pl.Series([[1]] * 6),
            pl.Series([{"a": 1}] * 6),
            pl.Series([b"x"] * 6),
            pl.Series([object()] * 6, dtype=pl.Object),
            pl.Series(["a", "b"] * 3, dtype=pl.Categorical),
        ]
    ),
)


@SETTINGS
@given(st.dictionaries(st.sampled_from(NAMES), columns, max_size=7), options)
def test_frames(tmp_path, parts, given_options):
    frame = pl.DataFrame([series.alias(name) for name, series in parts.items()])
    reads_or_refuses(frame, given_options)


@settings(parent=SETTINGS, max_examples=6)
@given(st.randoms(use_true_random=False), options)
def test_damaged_parquet(tmp_path, random, given_options):
    path = tmp_path / "x [a].parquet"
    times = [1_534_131_390 + step for step in range(50)]
    pl.DataFrame({"time": times, "price": [1.0, 2.0] * 25, "amount": [1.0] * 50}).write_parquet(path)
    data = bytearray(path.read_bytes())
    for _ in range(random.randrange(3)):
        data[random.randrange(len(data))] ^= random.randrange(1, 256)
    path.write_bytes(bytes(data))
    reads_or_refuses(path, given_options)


def test_parquet_that_makes_polars_abort():
    path = Path(__file__).parents[1] / "runs" / "hostile" / "aborts-polars-2.1.parquet"
    with pytest.raises(OstinatoError, match="is not a readable parquet file"):
        read_panel(path, target="p_up", covariates=["*"])
