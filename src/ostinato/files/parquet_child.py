"""The child process of `parquet.py`: converts parquet to Arrow on stdout, in messages prefixed by their length.

python parquet_child.py BYTES_OF_MEMORY ROWS_OF_A_BATCH PATH

The columns are written without rows, then the number of rows. The requested columns are read from stdin, a line of
JSON, and their rows follow in batches.
"""

import contextlib
import io
import json
import os
import random
import sys
from typing import Any

CPUS = 2  # fewer threads reserve less memory
BATCH_BYTES = 64 * 2**20  # of one batch, about
CELL_BYTES = 16
LEAST_ROWS = 2**14  # of a batch: each one reads its row group again


def main() -> None:
    _limit_threads()
    import polars as pl

    most_memory, most_rows = int(sys.argv[1]), int(sys.argv[2])
    _limit_memory(most_memory)
    frame = pl.scan_parquet(sys.argv[3], glob=False, hive_partitioning=False)
    _write(frame.head(0).collect())
    _write_number(frame.select(pl.len()).collect().item())
    line = sys.stdin.buffer.readline()
    if not line:
        return
    wanted = json.loads(line)
    batch = min(most_rows, max(LEAST_ROWS, BATCH_BYTES // (CELL_BYTES * max(1, len(wanted)))))
    frame = frame.select(wanted)
    rows = 0
    while len(part := frame.slice(rows, batch).collect()):
        rows += len(part)
        _write(part)


def _write(frame: Any) -> None:
    message = io.BytesIO()
    frame.write_ipc_stream(message)
    _write_number(message.tell())
    sys.stdout.buffer.write(message.getbuffer())
    sys.stdout.buffer.flush()


def _write_number(number: int) -> None:
    sys.stdout.buffer.write(number.to_bytes(8, "little"))
    sys.stdout.buffer.flush()


def _limit_threads() -> None:
    """Run on two CPUs, so that no thread pool uses more."""
    with contextlib.suppress(AttributeError, OSError):  # only Linux has it
        cpus = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, random.sample(cpus, min(CPUS, len(cpus))))


def _limit_memory(most: int) -> None:
    """Limit the address space to so many bytes more than the libraries use already."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit, macOS refuses it
        import resource

        with open("/proc/self/statm") as file:  # noqa: PTH123 - pathlib is not needed here
            most += int(file.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
