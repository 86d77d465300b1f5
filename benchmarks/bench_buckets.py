"""How much padding do buckets of ragged examples save, and how many examples a second do they hand out?

Lengths are log-normal. Plain is the common way: a Dataset of tensors, a DataLoader that shuffles them, and a collate
function that pads each batch by torch.nn.utils.rnn.pad_sequence. Buckets gather a batch at once from one flat tensor.

First each side hands out every example, and both must hold the same steps and labels. Then both hand out whole epochs,
in turn, in one process; nothing is learnt from them. The best round of each counts.

    python benchmarks/bench_buckets.py [--examples 20000] [--batch 64] [--rounds 5] [--dry]
"""

# Axes: E examples, T steps of the longest in a batch, F features.

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import facts, record, write_record
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from ostinato.data.buckets import Buckets
from ostinato.data.examples import Examples

FEATURES = 8
MEDIAN, SIGMA = 120, 0.8  # of the lengths: nine in ten lie within 32 and 450 steps
PADDING_BAR = 0.15  # at most

Batch = tuple[Tensor, Tensor, Tensor]  # x (B, T, F), lengths (B,), labels (B,)


def main() -> None:
    asked = parse()
    torch.set_num_threads(1)
    load = facts()["load average"]
    sequences, labels = make(asked.examples)
    buckets, loader = ours(sequences, labels, asked.batch), theirs(sequences, labels, asked.batch)
    hand_out = {"buckets": lambda: from_buckets(buckets), "plain": lambda: list(loader)}
    agree(hand_out["buckets"](), hand_out["plain"]())
    print("both hand out the same examples", flush=True)
    seconds: dict[str, list[float]] = {"buckets": [], "plain": []}
    for _ in range(asked.rounds):
        for side, epoch in hand_out.items():
            seconds[side].append(clocked(epoch))
    lines = answer(asked.examples, seconds, {side: padding(epoch()) for side, epoch in hand_out.items()})
    print("\n".join(lines))
    if not asked.dry:
        sizes = {
            "examples": f"{asked.examples:,}, lengths log-normal, median {MEDIAN}, sigma {SIGMA}, {FEATURES} features",
            "batches": f"at most {asked.batch} examples; {len(buckets)} of buckets, {len(loader)} of plain",
            "rounds": f"{asked.rounds}",
            "load average before": load,
        }
        print(f"kept in {write_record('buckets', record(__doc__ or '', lines, sizes)).name}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=64, help="most examples of a batch")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each side")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def make(count: int) -> tuple[list[Tensor], Tensor]:
    """Sequences whose first number tells them apart, and labels."""
    lengths = np.random.default_rng(0).lognormal(np.log(MEDIAN), SIGMA, count).astype(int) + 1
    torch.manual_seed(0)
    return [torch.randn(length, FEATURES) for length in lengths], torch.arange(count)


def ours(sequences: list[Tensor], labels: Tensor, batch: int) -> Buckets:
    return Buckets(Examples.of(sequences, labels), batch)


def from_buckets(buckets: Buckets) -> list[Batch]:
    pieces = buckets.epoch(0)
    return [
        (p.x, torch.full((len(p.x),), p.x.shape[1]) if p.lengths is None else p.lengths, p.target)
        for p in pieces
    ]


def theirs(sequences: list[Tensor], labels: Tensor, batch: int) -> DataLoader[tuple[Tensor, Tensor]]:
    def collate(items: list[tuple[Tensor, Tensor]]) -> Batch:
        x, y = zip(*items, strict=True)
        return pad_sequence(list(x), batch_first=True), torch.tensor([len(one) for one in x]), torch.stack(y)

    return DataLoader(
        list(zip(sequences, labels, strict=True)),  # type: ignore[arg-type]
        batch,
        shuffle=True,
        collate_fn=collate,
    )


def agree(one: list[Batch], other: list[Batch]) -> None:
    """Both hold each example once, with the same steps and label, and nothing but zeros beside."""
    sums = []
    for batches in (one, other):
        found = {}
        for x, lengths, labels in batches:
            for row, (length, label) in enumerate(zip(lengths.tolist(), labels.tolist(), strict=True)):
                assert label not in found
                assert not x[row, length:].any()
                found[label] = x[row, :length]
        sums.append(found)
    assert sums[0].keys() == sums[1].keys()
    assert all(torch.equal(steps, sums[1][label]) for label, steps in sums[0].items())


def padding(batches: list[Batch]) -> float:
    """Share of padded steps."""
    steps = sum(x.shape[0] * x.shape[1] for x, *_ in batches)
    return 1 - sum(int(lengths.sum()) for _, lengths, _ in batches) / steps


def clocked(epoch: Callable[[], list[Batch]]) -> float:
    began = time.perf_counter()
    epoch()
    return time.perf_counter() - began


def answer(count: int, seconds: dict[str, list[float]], padded: dict[str, float]) -> list[str]:
    rate = {side: count / min(taken) for side, taken in seconds.items()}
    met = "met" if padded["buckets"] <= PADDING_BAR else "NOT met"
    return [
        f"**{padded['buckets']:.1%} of the steps of buckets are padding, {padded['plain']:.1%} of the plain way's; "
        f"buckets hand out {rate['buckets'] / rate['plain']:.1f} times as many examples a second.**",
        "",
        "| | buckets | plain | bar | |",
        "|---|---|---|---|---|",
        f"| padding | {padded['buckets']:.1%} | {padded['plain']:.1%} | at most {PADDING_BAR:.0%} | {met} |",
        f"| examples a second | {rate['buckets']:,.0f} | {rate['plain']:,.0f} | | |",
    ]


if __name__ == "__main__":
    main()
