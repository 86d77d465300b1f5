"""How often is the interval of online skill ever wrong, when somebody looks after every row?

Differences of losses whose mean is truly 0 are drawn many times, 20,000 rows each. Counted are the sequences that are
ever told apart from 0, at any look from the first one on: by `ConfidenceSequence` (bar: at most 5 % and two standard
errors of the count), and by two intervals that are meant for one look, mean ± 1.96 standard errors, with the variance
of independent rows and with the sequence's own long-run variance. Then how many rows it takes to tell a real
difference, and what a score costs in time and memory.

    OMP_NUM_THREADS=1 python benchmarks/bench_online.py [--sequences 2000] [--quick] [--dry]
"""

import argparse
import math
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from machine import record, write_record
from scipy.signal import lfilter

from ostinato.evaluation.online import (
    ConfidenceSequence,
    OnlineBaseRate,
    OnlineDirection,
    OnlineSignTable,
    OnlineValues,
    log_loss_of,
    pinball_of,
)
from ostinato.evaluation.online.sequence import best_ratio, boundary

ROWS, AT_ONCE, ALPHA = 20_000, 100, 0.05
Draw = Callable[[np.random.Generator, int], np.ndarray]  # (sequences, ROWS)


def autoregression(share: float) -> Draw:
    def draw(r: np.random.Generator, count: int) -> np.ndarray:
        return lfilter([1], [1, -share], r.normal(size=(count, ROWS + 500)), axis=1)[:, 500:]

    return draw


def overlap(horizon: int) -> Draw:
    def draw(r: np.random.Generator, count: int) -> np.ndarray:
        running = np.cumsum(r.normal(size=(count, ROWS + horizon)), axis=1)
        return running[:, horizon:] - running[:, :-horizon]

    return draw


def log_losses(r: np.random.Generator, count: int) -> np.ndarray:
    """Two forecasts that are off by as much, of directions whose chance wanders."""
    true = 0.3 * lfilter([1], [1, -0.95], r.normal(size=(count, ROWS + 500)), axis=1)[:, 500:] - 0.7
    up = r.random((count, ROWS)) < 1 / (1 + np.exp(-true))
    one, two = (
        np.logaddexp(0, -np.where(up, 1, -1) * (true + 0.3 * r.normal(size=true.shape))) for _ in "ab"
    )
    return one - two


def clusters(r: np.random.Generator, count: int) -> np.ndarray:
    calm = lfilter([1], [1, -0.995], 0.1 * r.normal(size=(count, ROWS + 2000)), axis=1)[:, 2000:]
    return r.normal(size=(count, ROWS)) * np.exp(calm)


CASES: dict[str, tuple[int, Draw]] = {  # the horizon that the sequence is told
    "independent, normal": (1, lambda r, n: r.normal(size=(n, ROWS))),
    "independent, exponential": (1, lambda r, n: r.exponential(size=(n, ROWS)) - 1),
    "independent, log-normal": (1, lambda r, n: r.lognormal(size=(n, ROWS)) - math.exp(0.5)),
    "independent, Student's t, 3 degrees": (1, lambda r, n: r.standard_t(3, size=(n, ROWS))),
    "independent, one row in 50 counts": (1, lambda r, n: (r.random((n, ROWS)) < 0.02) / 0.02 - 1),
    "log-losses of two forecasts of directions": (1, log_losses),
    "clusters of volatility": (1, clusters),
    "autoregression 0.5": (1, autoregression(0.5)),
    "autoregression 0.8": (1, autoregression(0.8)),
    "autoregression 0.9": (1, autoregression(0.9)),
    "autoregression 0.95": (1, autoregression(0.95)),
    "labels 12 rows ahead, overlapping": (12, overlap(12)),
    "labels 96 rows ahead, overlapping": (96, overlap(96)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=2000)
    parser.add_argument("--quick", action="store_true", help="200 sequences, no record")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    arguments = parser.parse_args()
    sequences = 200 if arguments.quick else arguments.sequences
    agree()
    error = math.sqrt(ALPHA * (1 - ALPHA) / sequences)
    lines = [
        f"Ever wrong among {sequences:,} sequences, looking after every row up to {ROWS:,}; alpha {ALPHA}.",
        "",
        "| differences | first look | sequence | bar | 1.96, long-run | 1.96, independent |",
        "|---|---|---|---|---|---|",
    ]
    for name, (horizon, draw) in CASES.items():
        ours, long_run, independent = ever_wrong(draw, horizon, sequences)
        met = "met" if ours <= ALPHA + 2 * error else "MISSED"
        first = ConfidenceSequence(horizon=horizon).first
        lines.append(f"| {name} | {first:,} | {ours:.1%} | {met} | {long_run:.1%} | {independent:.1%} |")
        print(lines[-1], flush=True)
    lines += ["", *told(), "", *costs()]
    print("\n".join(lines))
    if not (arguments.dry or arguments.quick):
        write_record("online", record(__doc__, lines, {"sequences": f"{sequences:,}", "rows": f"{ROWS:,}"}))


def deviations(values: np.ndarray, horizon: int) -> np.ndarray:
    """`ConfidenceSequence.deviation` after every row of many sequences at once, (S, N)."""
    n = np.arange(1, values.shape[1] + 1)
    shortest = 2 ** np.floor(np.log2(np.cbrt(n)) + 1e-9)
    longest = np.maximum(2 ** np.floor(np.log2(n) / 2 + 1e-9), 2 ** math.floor(math.log2(2 * horizon)))
    running, largest, before, b = np.cumsum(values, axis=1), np.zeros_like(values), None, 1
    while b <= longest[-1]:
        now = block_variances(running, b)
        wanted = (shortest <= b) & (b <= longest) & (n >= 2 * b)
        found = now if before is None else np.fmax(now, 2 * now - before)
        largest = np.where(wanted, np.fmax(largest, found), largest)
        before, b = now, 2 * b
    return np.sqrt(largest)


def block_variances(running: np.ndarray, b: int) -> np.ndarray:
    """b times the variance of the means of the whole blocks of b rows so far, (S, N); NaN before there are two."""
    count = np.arange(1, running.shape[1] // b + 1)
    means = np.diff(running[:, b - 1 :: b], axis=1, prepend=0.0) / b
    squares = np.cumsum(means**2, axis=1) - np.cumsum(means, axis=1) ** 2 / count
    variance = np.where(count > 1, b * squares / np.maximum(count - 1, 1), np.nan)
    blocks = np.arange(1, running.shape[1] + 1) // b
    return np.where(blocks > 0, variance[:, np.maximum(blocks - 1, 0)], np.nan)


def ever_wrong(draw: Draw, horizon: int, sequences: int) -> tuple[float, float, float]:
    """Shares of sequences ever told apart from 0: by the sequence, and by two intervals meant for one look."""
    first, ratio = ConfidenceSequence(ALPHA, horizon).first, best_ratio(ALPHA, 10_000)
    looks = np.arange(first, ROWS + 1)
    half, once = np.array([boundary(n, ratio, ALPHA) for n in looks]), 1.96 / np.sqrt(looks)
    r, wrong, done = np.random.default_rng(0), np.zeros(3), 0
    while done < sequences:
        count = min(AT_ONCE, sequences - done)
        values = draw(r, count)
        n = np.arange(1, ROWS + 1)
        means = np.cumsum(values, axis=1) / n
        plain = np.sqrt(np.maximum(np.cumsum(values**2, axis=1) / n - means**2, 0.0))
        long_run = deviations(values, horizon)[:, first - 1 :]
        off = np.abs(means[:, first - 1 :])
        for place, bound in enumerate((long_run * half, long_run * once, plain[:, first - 1 :] * once)):
            wrong[place] += np.sum(np.any(off > bound, axis=1))
        done += count
    return tuple(wrong / sequences)


def agree() -> None:
    """The simulation computes what the class does."""
    for horizon in (1, 12, 96):
        values = autoregression(0.7)(np.random.default_rng(1), 1)
        found, sequence = deviations(values, horizon)[0], ConfidenceSequence(ALPHA, horizon)
        for n, value in enumerate(values[0].tolist(), 1):
            sequence.add(value)
            if n >= sequence.first and n % 97 == 0:
                assert math.isclose(found[n - 1], sequence.deviation or 0.0, rel_tol=1e-9), (horizon, n)


def told() -> list[str]:
    """How many independent rows it takes until a real difference is told, median of 200."""
    lines = [
        "| difference, in deviations of a row | told after, median rows | one look, 80 % power |",
        "|---|---|---|",
    ]
    ratio = best_ratio(ALPHA, 10_000)
    n = np.arange(1, 100_001)
    half = np.array([boundary(one, ratio, ALPHA) for one in n])
    r = np.random.default_rng(0)
    for size in (0.2, 0.1, 0.05, 0.02):
        found = []
        for _ in range(200):
            means = np.cumsum(r.normal(size, 1, len(n))) / n
            clear = (means > half) & (n >= ConfidenceSequence().first)
            found.append(int(np.argmax(clear)) + 1 if clear.any() else math.inf)
        once = ((1.96 + 0.84) / size) ** 2
        lines.append(f"| {size} | {np.median(found):,.0f} | {once:,.0f} |")
    return lines


def costs() -> list[str]:
    """Microseconds for each row, of the first and of the last 100,000 of a million, and what memory grows by."""
    r = np.random.default_rng(0)
    many, at = 100_000, np.arange(1, 10) / 10
    p, up = r.random(many).tolist(), (r.random(many) < 0.5).tolist()
    losses = [(log_loss_of(a, b), 0.69, 0.7) for a, b in zip(p, up, strict=True)]
    direction, names = OnlineDirection(["base_rate", "sign_table"]), ["naive", "ewma_quantiles"]

    def directions() -> None:
        for a, b, c in zip(p, up, losses, strict=True):
            direction.add(a, b, c, (0.5, a))

    baselines = (OnlineBaseRate(), OnlineSignTable())
    levels = np.cumsum(r.integers(-1, 2, many)).astype(float).tolist()

    def beside() -> None:
        for level, rose in zip(levels, up, strict=True):
            for one in baselines:
                one.learn(rose)
                one.see(level)
                one.predict()

    numbers, actual = np.sort(r.normal(size=(many, 1, 9)), axis=2), r.normal(size=(many, 1))
    three = [(pinball_of(a, at, b),) * 3 for a, b in zip(numbers[:1000], actual[:1000], strict=True)]
    values = OnlineValues(at, names)

    def quantiles() -> None:
        for place in range(many):
            values.add(three[place % 1000], numbers[place], actual[place])

    lines = ["| each row | first 100,000 | last 100,000 of a million | memory grew by |", "|---|---|---|---|"]
    for name, work in (
        ("a score of a direction, two baselines", directions),
        ("base rate and sign table: learn, see, predict", beside),
        ("a score of 9 quantiles, two baselines", quantiles),
    ):
        lines.append(f"| {name} | {cost_of(work, many)} |")
    return lines


def cost_of(work: Callable[[], None], many: int) -> str:
    times = []
    for turn in range(10):
        if turn == 1:
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
        if turn == 2:
            grown = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) / many * 1e6)
    return f"{times[0]:.1f} µs | {times[-1]:.1f} µs | {grown / 1024:.1f} KiB"


if __name__ == "__main__":
    main()
