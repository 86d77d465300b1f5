"""Run as a program by `parquet.py`: parquet from stdin becomes Arrow on stdout.

python parquet_child.py MOST_ROWS MOST_BYTES_OF_MEMORY
"""

import contextlib
import io
import sys

import polars as pl


def main() -> None:
    most_rows, most_memory = (int(argument) for argument in sys.argv[1:])
    _limit_memory(most_memory)
    data = io.BytesIO(sys.stdin.buffer.read())
    pl.read_parquet(data, n_rows=most_rows).write_ipc_stream(sys.stdout.buffer)


def _limit_memory(most: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit, macOS refuses it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))


if __name__ == "__main__":
    main()
