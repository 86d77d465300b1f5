"""A small parquet file that stands for many rows takes the memory of what is kept, and little more."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from memory import MIB, peak_of
from ostinato.files.parquet import Limits, ParquetError, read_frame

GROUP = 2**20
REPORT = """
import sys
from ostinato.errors import OstinatoError
from ostinato.report.run import run_page
from ostinato.runs.folder import RunFolder
print(len(run_page(RunFolder.open(sys.argv[1]))))
"""
READ = """
import sys
from pathlib import Path
from ostinato.files.parquet import Limits, read_frame
print(len(read_frame(Path(sys.argv[1]), Limits(10**9, 2**30, 60.0))))
"""


def write_repeated(path: Path, columns: dict[str, object], groups: int) -> None:
    """The same rows over and over: each group of a million takes a few hundred bytes."""
    table = pa.table({name: np.full(GROUP, value) for name, value in columns.items()})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(table, row_group_size=GROUP)


def test_what_is_read_is_all_that_is_held(tmp_path):
    path = tmp_path / "x.parquet"
    write_repeated(path, {"a": 1.0, "b": 2.0}, groups=16)
    peak = peak_of(READ, path)
    assert peak.printed == str(16 * GROUP)
    assert peak.own < 16 * GROUP * 16 + 320 * MIB
    assert peak.children < 320 * MIB


def test_rows_are_counted_before_they_are_read(tmp_path):
    path = tmp_path / "x.parquet"
    write_repeated(path, {"a": 1.0}, groups=2)
    with pytest.raises(ParquetError, match="it has more than the 2,000,000 rows allowed"):
        read_frame(path, Limits(2_000_000, 2**30, 60.0))
    with pytest.raises(ParquetError, match="its rows take more than the 9,000,000 bytes allowed"):
        read_frame(path, Limits(10**9, 9_000_000, 60.0))


def test_columns_are_judged_before_rows_are_read(tmp_path):
    path = tmp_path / "x.parquet"
    write_repeated(path, {"a": 1.0}, groups=1)
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36  # no row can be read
    path.write_bytes(data)

    def check(schema: object) -> None:
        raise KeyError(str(schema))

    with pytest.raises(KeyError, match="Float64"):
        read_frame(path, Limits(10**9, 2**30, 60.0), check)
    with pytest.raises(ParquetError):
        read_frame(path, Limits(10**9, 2**30, 60.0))


@pytest.mark.slow
def test_a_report_of_many_forecasts(tmp_path):
    golden = Path(__file__).parents[1] / "runs" / "golden" / "format-1"
    for file in golden.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    columns = {"row": 8, "time": 1.5e9, "id": "a", "actual": 1.0, "p_up": 0.5}
    write_repeated(tmp_path / "predictions.parquet", columns, groups=19)
    peak = peak_of(REPORT, tmp_path)
    assert peak.own < 19 * GROUP * 5 * 8 + 1024 * MIB
    assert peak.children < 512 * MIB
