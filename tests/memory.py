"""How much memory a piece of code takes, in a process of its own."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

MIB = 2**20
# not ru_maxrss of the process itself: it begins with what the process that started it held, a worker of pytest
_AFTER = """
import resource
own = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


class Peak(NamedTuple):
    """Most bytes that a process held, those of the processes that it started (the largest), and what it printed."""

    own: int
    children: int
    printed: str


def peak_of(code: str, *arguments: object) -> Peak:
    """Run code, which finds the arguments in sys.argv, and measure it; its libraries count too, about 150 MiB."""
    if sys.platform != "linux":
        import pytest

        pytest.skip("the peak is read from /proc")
    process = subprocess.run(
        [sys.executable, "-c", code + _AFTER, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    *printed, figures = process.stdout.splitlines()
    own, children = (int(figure) * 1024 for figure in figures.split())
    return Peak(own, children, "\n".join(printed))


def write_sparse(path: Path, tensors: dict[str, tuple[str, list[int]]], **metadata: str) -> None:
    """A safetensors file of dtypes F32 and F64 whose data are a hole: gigabytes that take no room on the disk."""
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + math.prod(shape) * {"F32": 4, "F64": 8}[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with path.open("r+b") as file:
        file.truncate(8 + len(text) + end)
