"""The search from the command line: ``make fuzz SEED=0 COUNT=5000 JOBS=2``."""

import argparse
import multiprocessing
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from time import monotonic

from contract.architectures.known import KNOWN
from contract.architectures.oracle import NAMES
from contract.architectures.reporting import table
from contract.architectures.trying import Trial, try_known, try_seed

TOLD = 500  # seeds, after which progress is told
SHRUNK = 4  # of each check, the first few that fail are shrunk


def main() -> int:
    """Try seeds; 1 where one fails."""
    options = _options()
    seeds = range(options.seed, options.seed + options.count)
    begun, trials = monotonic(), []
    if options.known:
        trials = [try_known(name, skip=options.skip) for name in KNOWN]
        print("\n".join(trial.summary() for trial in trials))
        print(table(trials, monotonic() - begun))
        return 1 if any(trial.faults for trial in trials) else 0
    failing: dict[str, list[int]] = defaultdict(list)
    work = partial(try_seed, turns=options.turns, skip=options.skip, warn=options.warn)
    for trial in _until_stopped(_tried(work, seeds, options.jobs)):
        trials.append(trial)
        if len(trials) % TOLD == 0:
            print(
                f"{len(trials)} of {options.count}, {monotonic() - begun:.0f} s", file=sys.stderr, flush=True
            )
        wanted = [fault.check for fault in trial.faults if len(failing[fault.check]) < SHRUNK]
        for fault in trial.faults:
            failing[fault.check].append(trial.seed)
        if wanted:
            again = try_seed(trial.seed, options.turns, {*NAMES} - {*wanted}, patience=options.patience)
            trial.smallest = again.smallest
        if trial.faults or trial.warnings:
            print(trial.summary(), flush=True)
        elif options.count == 1:
            print(trial.summary())
    print(table(trials, monotonic() - begun))
    return 1 if any(trial.faults for trial in trials) else 0


def _tried(work: "partial[Trial]", seeds: range, jobs: int) -> Iterator[Trial]:
    if jobs == 1 or len(seeds) == 1:
        yield from map(work, seeds)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, seeds, chunksize=8)


def _until_stopped(trials: Iterator[Trial]) -> Iterator[Trial]:
    """Until Ctrl-C: what was tried by then is told."""
    try:
        yield from trials
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="contract.architectures", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1, help="how many seeds")
    parser.add_argument("--known", action="store_true", help="those that were wrong once")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--turns", type=int, default=5, help="one in so many of the library's checks each, in turn"
    )
    parser.add_argument("--warn", action="store_true", help="tell figures that are larger than measured too")
    parser.add_argument("--skip", action="append", default=[], choices=NAMES, help="a check that is left out")
    parser.add_argument("--patience", type=float, default=40.0, help="seconds to shrink a failure")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
