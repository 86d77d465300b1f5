"""Run as a program by `parquet.py`: parquet becomes Arrow on stdout, in messages that say how long they are.

python parquet_child.py MOST_ROWS MOST_BYTES_OF_MEMORY ROWS_OF_A_BATCH [PATH]

Without a path the file comes on stdin and all of it is written. With one, the columns are written without rows; the
names of those wanted are then read from stdin, a line of JSON, and their rows follow in batches.
"""

import contextlib
import io
import json
import sys

import polars as pl


def main() -> None:
    most_rows, most_memory, batch = (int(argument) for argument in sys.argv[1:4])
    _limit_memory(most_memory)
    if len(sys.argv) == 4:
        _write(pl.read_parquet(io.BytesIO(sys.stdin.buffer.read()), n_rows=most_rows))
        return
    frame = pl.scan_parquet(sys.argv[4], n_rows=most_rows, glob=False, hive_partitioning=False)
    _write(frame.head(0).collect())
    wanted = sys.stdin.buffer.readline()
    if not wanted:
        return
    frame = frame.select(json.loads(wanted))
    rows = 0
    while len(part := frame.slice(rows, batch).collect()):
        rows += len(part)
        _write(part)


def _write(frame: pl.DataFrame) -> None:
    message = io.BytesIO()
    frame.write_ipc_stream(message)
    sys.stdout.buffer.write(len(message.getvalue()).to_bytes(8, "little"))
    sys.stdout.buffer.write(message.getbuffer())
    sys.stdout.buffer.flush()


def _limit_memory(most: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit, macOS refuses it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
