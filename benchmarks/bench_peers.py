"""How fast do 2x64 LSTM, GRU and TCN learn, beside neuralforecast and darts?

One simulated series, Adam at a constant rate, MSE of the next step, no dropout, one thread; window 32, batch 64. All
sides train in one process, in turn, round after round; a fifth of the time is for warming up and is not counted.
Nothing is logged, shown or kept.

The unit is steps of the series gone through per second of training: when each of N steps has been a label once, N steps
have been gone through. A batch of 64 windows that begin one step apart goes on by 64 steps, however often their labels
repeat; labels in the loss per second stand beside it. Each side learns

    ostinato, windows         every window of 32 is run whole, one label each: the work that the peers do
    ostinato, streams         our default: 64 streams in slices of 32 steps, the state carried on, a label at each step
    neuralforecast            windows drawn at random, one label each; and once more with the series cut into pieces of
                              1,000 steps, since it looks through the whole series for each batch
    darts, last step          BlockRNNModel: one label for each window
    darts, every step         RNNModel, TCNModel: a label at each of the 32 steps, windows one step apart
    darts, side by side       the same with fit(stride=32): no window overlaps another, a label at each step, no state
                              carried; as much work per step as our streams

The LSTMs and GRUs are the same network: weights of ours must give the same outputs in theirs, or nothing is timed. The
TCNs are each library's own with 64 channels and kernels of 7: ours and darts' of 2 residual blocks of 2 convolutions
(darts' last gives the output itself, without weight normalisation), neuralforecast's of 3 convolutions.

    python benchmarks/bench_peers.py [--quick] [--rounds 3] [--seconds 6] [--dry]

It needs a virtual environment of its own:

    python -m venv PLACE && PLACE/bin/pip install -r benchmarks/peers-requirements.txt -e .
"""

import argparse
import importlib.util
import logging
import warnings
from functools import partial
from importlib.metadata import version
from statistics import median

import torch
from machine import facts, record, write_record
from peers.series import BATCH, KERNEL, LAYERS, RATE, UNITS, WINDOW, Series, simulate
from peers.timing import Side

KINDS = {"lstm": 5.0, "gru": 5.0, "tcn": 2.0}  # how many times their best it shall be
PEERS = ("neuralforecast", "darts")
OURS = "ostinato"
OVERLAP, APART, STREAMS, WINDOWS = "every step", "side by side", "streams", "windows"
PIECE = 1_000  # steps


def main() -> None:
    asked = parse()
    if missing := [name for name in PEERS if importlib.util.find_spec(name) is None]:
        print(f"left out: {' and '.join(missing)} not installed here; see peers-requirements.txt")
        return
    hush()
    torch.set_num_threads(1)
    load, series = facts()["load average"], simulate(20_000 if asked.quick else 100_000)
    apart = answers_agree(series)
    print(f"the same weights give the same: outputs are at most {apart:.1e} apart", flush=True)
    sides = all_sides(series)
    for number in range(1 if asked.quick else asked.rounds):
        for side in sides:
            side.rounds.append(side.train(1.0 if asked.quick else asked.seconds, number))
            print(f"round {number}: {told(side)}", flush=True)
    lines = answer(series, sides, asked.seconds)
    print("\n".join(lines))
    if not (asked.quick or asked.dry):
        sizes = sizes_of(series, asked) | {"apart at the start": f"{apart:.1e}", "load average before": load}
        print(f"kept in {write_record('peers', record(__doc__ or '', lines, sizes)).name}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a second for each side, once, no record")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each side")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each training")
    parser.add_argument("--dry", action="store_true", help="leave no record")
    return parser.parse_args()


def hush() -> None:
    """Lightning and darts speak at each training."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def all_sides(series: Series) -> list[Side]:
    """Ours and theirs, kind by kind."""
    from peers import with_darts, with_neuralforecast, with_ostinato

    sides = []
    for kind in KINDS:
        ours = partial(with_ostinato.train, kind, series)
        cut, strided = (
            partial(with_neuralforecast.train, kind, series),
            partial(with_darts.train, kind, series),
        )
        sides += [
            Side(kind, "neuralforecast", "last step", 1, partial(cut, None)),
            Side(kind, "neuralforecast", f"last step, pieces of {PIECE:,}", 1, partial(cut, PIECE)),
            *([] if kind == "tcn" else [Side(kind, "darts", "last step", 1, partial(strided, False, 1))]),
            Side(kind, "darts", OVERLAP, WINDOW, partial(strided, True, 1)),
            Side(kind, "darts", APART, 1, partial(strided, True, WINDOW)),
            Side(kind, OURS, WINDOWS, 1, partial(ours, "windows")),
            Side(kind, OURS, STREAMS, 1, partial(ours, "streams")),
        ]
    return sides


def answers_agree(series: Series) -> float:
    """Windows through our recurrent networks and theirs with the same weights; how far apart the outputs are."""
    from peers import with_darts, with_neuralforecast, with_ostinato

    windows = torch.from_numpy(series.learnt).unfold(0, WINDOW, 1)[:BATCH, :, None]
    apart = []
    for kind in ("lstm", "gru"):
        torch.manual_seed(0)
        ours = with_ostinato.network(kind).eval()
        theirs = [
            with_neuralforecast.ours_in_it(kind, ours),
            *(with_darts.ours_in_it(kind, every_step, ours) for every_step in (False, True)),
        ]
        with torch.inference_mode():
            y = with_ostinato.last(ours, windows)
            apart += [float((y - foresee(windows)).norm() / y.norm()) for foresee in theirs]
    assert max(apart) < 1e-5, f"the networks are {max(apart):.1e} apart: nothing is worth timing"
    return max(apart)


# the answer


def told(side: Side) -> str:
    """A line while waiting."""
    last = side.rounds[-1]
    return f"{side.kind}, {side.library}, {side.manner}: {last.rate:,.0f} steps/s, MSE {last.mse:.4f}"


def times_theirs(sides: list[Side], kind: str, ours: str, even_apart: bool) -> tuple[float, Side]:
    """How many times as fast we are as their best, the median of the rounds, and which that is."""
    theirs = [s for s in sides if s.kind == kind and s.library != OURS and (even_apart or s.manner != APART)]
    best = max(theirs, key=lambda side: side.rate)
    (side,) = (s for s in sides if (s.kind, s.library, s.manner) == (kind, OURS, ours))
    return median(a.rate / b.rate for a, b in zip(side.rounds, best.rounds, strict=True)), best


def answer(series: Series, sides: list[Side], seconds: float) -> list[str]:
    """The ratios, then all sides."""
    rows, usual, strict = [], [], []
    for kind, bar in KINDS.items():
        same, best = times_theirs(sides, kind, WINDOWS, even_apart=False)
        default, _ = times_theirs(sides, kind, STREAMS, even_apart=False)
        apart, best_apart = times_theirs(sides, kind, STREAMS, even_apart=True)
        usual.append(default)
        strict.append(apart)
        rows.append(
            f"| {kind.upper()} | {same:.2f} | {default:.1f} | at least {bar:g} | {verdict(default >= bar)} | "
            f"{best.library}, {best.manner} | {apart:.2f} | {verdict(apart >= bar)} | {best_apart.library}, "
            f"{best_apart.manner} |"
        )
    sentence = (
        f"**Our streams go through {min(usual):.0f} to {max(usual):.0f} times as many steps a second as the best of "
        f"neuralforecast and darts on overlapping windows, and {min(strict):.2f} to {max(strict):.2f} times as many as "
        "darts on windows side by side.**"
    )
    head = [
        "| | our windows / their best on overlapping windows | our streams / the same | bar | | which was best | "
        "our streams / their best of all | | which was best |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return [sentence, "", *head, *rows, "", WHY, "", *table(series, sides, seconds)]


WHY = (
    "What this does and does not say. On every side almost all of the time of an update goes into the same kernels of "
    "torch, for the same 64 x 32 steps; so where all run every window whole (our windows, theirs) no one can be far "
    "ahead, and the claim rests on streams alone: they run each step of the series once, overlapping windows run it "
    "32 times. Windows side by side, an option of darts, do as much work per step as streams do: its column is the "
    "ratio without that advantage. And a batch of overlapping windows teaches more than 64 steps seen once would: the "
    "errors below are all after the same time. Our TCN has 21 products of 64 x 64 for each step, theirs have 14."
)


def table(series: Series, sides: list[Side], seconds: float) -> list[str]:
    """Every side, medians."""
    lines = [
        f"| | | | steps of the series per second | labels in the loss per second | updates in {seconds:g} s | test MSE "
        f"after {seconds:g} s | parameters |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for side in sides:
        rounds = side.rounds
        mse = [trained.mse for trained in rounds]
        lines.append(
            f"| {side.kind.upper()} | {side.library} | {side.manner} | {side.rate:,.0f} "
            f"({min(t.rate for t in rounds):,.0f} to {max(t.rate for t in rounds):,.0f}) | "
            f"{side.rate * side.labels:,.0f} | {median(t.updates for t in rounds):.0f} | "
            f"{median(mse):.4f} ({min(mse):.4f} to {max(mse):.4f}) | {rounds[0].parameters:,} |"
        )
    told = f"No change foreseen: test MSE {series.naive:.4f}. What no one can foresee: {series.floor:.4f}."
    return [*lines, "", f"Medians; in brackets the lowest and the highest. {told}"]


def sizes_of(series: Series, asked: argparse.Namespace) -> dict[str, str]:
    """What it takes to repeat it, beside machine and versions."""
    return {
        "data": f"simulated: {(simulate.__doc__ or '').strip()} {series.train:,} steps to learn from, "
        f"{len(series.y) - series.train:,} to test on, float32",
        "networks": f"{LAYERS} layers of {UNITS} units; TCN {UNITS} channels, kernel {KERNEL}",
        "window and batch": f"{WINDOW} steps, {BATCH} windows or streams",
        "optimizer": f"Adam, learning rate {RATE}, no clipping, dropout 0, MSE",
        "trainings": f"{asked.rounds} rounds in turn, {asked.seconds:g} s each, seeds 0 to {asked.rounds - 1}",
        "peers": ", ".join(f"{name} {version(name)}" for name in (*PEERS, "pytorch-lightning")),
    }


def verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
