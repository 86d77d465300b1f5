"""How much memory a piece of code takes, in a process of its own."""

import subprocess
import sys
from typing import NamedTuple

MIB = 2**20
_AFTER = """
import resource, sys
print(*(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
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

        pytest.skip("the unit of ru_maxrss differs")
    process = subprocess.run(
        [sys.executable, "-c", code + _AFTER, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    *printed, figures = process.stdout.splitlines()
    own, children = (int(figure) * 1024 for figure in figures.split())
    return Peak(own, children, "\n".join(printed))
