"""Chains of random layers keep the promises that their layers keep."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from contract.faults import StateRunsOn
from ostinato.checks import CHECKS
from ostinato.checks.run import run_check
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    LSTM,
    AvgPool1d,
    Chain,
    Conv1d,
    Dense,
    LayerNorm,
    MaxPool1d,
    Residual,
    Windowed,
)

KEPT = ("chunks_join", "padding_is_nothing", "latency_is_measured", "stride_is_measured")
PROMISES = [check for check in CHECKS if check.name in KEPT]
sizes = st.integers(1, 4)


@st.composite
def convolutions(draw, size: int) -> Conv1d:
    kernel, dilation = draw(sizes), draw(sizes)
    stride, latency = draw(st.integers(1, 3)), draw(st.integers(0, (kernel - 1) * dilation))
    return Conv1d(size, draw(sizes), kernel, stride=stride, dilation=dilation, latency=latency)


@st.composite
def shortcuts(draw, size: int) -> Residual:
    kernel, dilation = draw(sizes), draw(sizes)
    ahead = draw(st.integers(0, (kernel - 1) * dilation))
    return Residual(Conv1d(size, size, kernel, dilation=dilation, latency=ahead))


@st.composite
def windowed(draw, size: int) -> Windowed:
    length, output = draw(sizes), draw(sizes)
    return Windowed(nn.Sequential(nn.Flatten(), nn.Linear(length * size, output)), length, size, output)


def layers(size: int) -> st.SearchStrategy[SequenceLayer]:
    """Any streaming layer for ``size`` features."""
    return st.one_of(
        convolutions(size),
        shortcuts(size),
        windowed(size),
        st.builds(GRU, st.just(size), sizes),
        st.builds(LSTM, st.just(size), sizes, st.integers(1, 2)),
        st.builds(MaxPool1d, st.just(size), sizes, sizes),
        st.builds(AvgPool1d, st.just(size), sizes, sizes),
        st.builds(Dense, st.just(size), sizes),
        st.builds(LayerNorm, st.just(size)) if size > 1 else st.nothing(),  # one feature less its mean is 0
    )


@st.composite
def chains(draw) -> Chain:
    """One to three layers, each for what the one before it gives."""
    torch.manual_seed(0)
    chosen = [draw(layers(3))]
    for _ in range(draw(st.integers(0, 2))):
        chosen.append(draw(layers(chosen[-1].output_size)))
    return Chain(*chosen)


@settings(deadline=None, max_examples=40)
@given(chains())
def test_random_chains_keep_the_contract(chain):
    faults = [fault for check in PROMISES if (fault := run_check(check, chain).fault)]
    assert not faults, f"{chain}: {faults}"


def test_a_fault_within_a_chain_shows():
    chain = Chain(Dense(3, 3), StateRunsOn(3, 5), Dense(5, 2))
    check = next(check for check in CHECKS if check.name == "state_stops_at_length")
    assert run_check(check, chain).fault
