"""How long does forward and backward of each layer take, beside torch's nearest?

One training step of a single layer: forward, and the gradients of x and of every parameter. Where torch has the thing,
both have the same weights and must agree first, and convolutions of torch get their own channel-first memory. Where it
has not, the other side is a bare Python loop over torch's cell of the same kind and size, which computes something like
it and not the same (RNNCell, LSTMCell, GRUCell), or what it says. Both sides take turns in one process.

    python benchmarks/bench_layers.py [--quick] [--rounds 15] [--threads 1] [--only NAME] [--dry]
"""

# Axes: B batch, T time steps, I features, H hidden features, F frequencies, C channels.

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from layer_pairs import Pair, pairs
from machine import record, write_record
from torch import Tensor

TOLERANCE = 1e-4  # relative norm, float32, gradients too


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    lines = [
        "| layer | beside | ours | theirs | ratio | lowest to highest | apart | bar | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for pair in pairs(arguments.quick):
        if arguments.only and arguments.only not in pair.name:
            continue
        lines.append(line(pair, 3 if arguments.quick else arguments.rounds))
        print(lines[-1], flush=True)
    lines += [
        "",
        "Medians in ms of forward and backward; lowest to highest of the ratio of two turns beside each other.",
    ]
    if not (arguments.quick or arguments.dry or arguments.only):
        sizes = {
            "rounds": f"{arguments.rounds}",
            "dtype": "float32",
            "sizes": "as in benchmarks/layer_pairs.py",
        }
        write_record("layers", record(__doc__ or "", lines, sizes))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds, no record")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--only", help="layers whose name holds this; no record")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def line(pair: Pair, rounds: int) -> str:
    apart = agreement(pair) if pair.same else None
    ours, theirs = timed(pair, rounds)
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    ratio = median(ours) / median(theirs)
    bar = " | " if pair.bar is None else f"at most {pair.bar:g} | {'met' if ratio <= pair.bar else 'MISSED'}"
    return (
        f"| {pair.name} | {pair.beside} | {1e3 * median(ours):.2f} | {1e3 * median(theirs):.2f} | {ratio:.2f} "
        f"| {ratios[0]:.2f} to {ratios[-1]:.2f} | {'—' if apart is None else f'{apart:.0e}'} | {bar} |"
    )


def agreement(pair: Pair) -> float:
    """The largest relative distance of outputs and gradients.

    Raises:
        SystemExit: they are apart.
    """
    y, dx = outcome(pair.ours, pair.x)
    other, dother = outcome(lambda x: pair.turned(pair.theirs(x)), pair.their_x)
    dother = dother if pair.their_x is pair.x else dother.movedim(1, -1)
    apart = max(distance(y, other), distance(dx, dother))
    if not apart < TOLERANCE:
        raise SystemExit(f"{pair.name}: the two sides are {apart:.1e} apart. Nothing was timed.")
    return apart


def outcome(call: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_(x.is_floating_point())
    y = call(x)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    (y * weights).sum().backward()
    return y.detach(), torch.zeros(1) if x.grad is None else x.grad


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm().clamp(min=1e-12))


def timed(pair: Pair, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each turn; the first of each side is not counted."""
    sides = [(pair.ours, pair.x), (pair.theirs, pair.their_x)]
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds + 1):
        for side, (call, x) in enumerate(sides if turn % 2 else sides[::-1]):
            taken = seconds(call, x, pair.repeat)
            if turn:
                found[side if turn % 2 else 1 - side].append(taken)
    return found


def seconds(call: Callable[[Tensor], Tensor], x: Tensor, repeat: int) -> float:
    x = x.detach().requires_grad_(x.is_floating_point())
    start = time.perf_counter()
    for _ in range(repeat):
        y = call(x)
        y.backward(torch.ones_like(y))
    return (time.perf_counter() - start) / repeat


if __name__ == "__main__":
    main()
