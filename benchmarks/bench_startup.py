"""How long does a user wait for ``ostinato --help``, and what does ``import ostinato`` load?

Whole processes, started in turn with a bare ``python -c pass``; medians. The bar: --help under 0.4 s.

    python benchmarks/bench_startup.py [--runs 21] [--dry]
"""

import argparse
import subprocess
import sys
import time
from statistics import median

from machine import record, write_record

HELP = "import sys; from ostinato.cli import main; sys.argv = ['ostinato', '--help']; main()"
COMMANDS = {
    "python -c pass": "pass",
    "import ostinato": "import ostinato, sys; sys.exit('torch' in sys.modules)",
    "ostinato --help": HELP,
    "ostinato fit forecast --help": HELP.replace("'--help'", "'fit', 'forecast', '--help'"),
}
BAR_SECONDS = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--dry", action="store_true", help="leave no record")
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(arguments.runs + 1):
        for name, code in COMMANDS.items():
            seconds[name].append(wall_seconds(code))
    lines = ["| command | median | fastest | slowest |", "|---|---|---|---|"]
    for name, times in seconds.items():
        counted = times[1:]  # the first one fills the caches
        lines.append(f"| {name} | {median(counted):.3f} s | {min(counted):.3f} s | {max(counted):.3f} s |")
    passed = median(seconds["ostinato --help"][1:]) < BAR_SECONDS
    lines += [
        "",
        f"--help under {BAR_SECONDS} s: {'pass' if passed else 'FAIL'}; import ostinato loads no torch.",
    ]
    print("\n".join(lines))
    if not arguments.dry:
        write_record("startup", record(__doc__, lines, {"runs": str(arguments.runs)}))


def wall_seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
