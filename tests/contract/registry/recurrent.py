"""Recurrent layers, and the linear recurrences on the scan."""

from typing import Any

import torch
from torch import nn

from contract.registry.case import Case
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    LRU,
    LSTM,
    QRNN,
    RNN,
    SRU,
    Chain,
    ContextGRU,
    Conv1d,
    CoupledLSTM,
    LayerNormGRU,
    LayerNormLSTM,
    LayerNormRNN,
    MinGRU,
    MinLSTM,
    Parallel,
    PeepholeLSTM,
    Reversed,
)


def in_context(*sizes: int, **options: Any) -> SequenceLayer:
    """A GRU that begins with a context that is not zero: None would hide what it does."""

    class InContext(ContextGRU):
        def initial_state(self, batch: int, dtype: Any = None, device: Any = None) -> Any:
            state = super().initial_state(batch, dtype, device)
            memory = state.memory if self.locked else state
            memory.context.copy_(torch.linspace(-1, 1, self.context_size))
            return state

    return InContext(*sizes, **options)


def moved(layer: SequenceLayer) -> SequenceLayer:
    """With gains and biases that are not 1 and 0."""
    for name, parameter in layer.named_parameters():
        if "weight" not in name:
            nn.init.normal_(parameter, 0.3, 0.8)
    return layer


CASES: dict[str, Case] = {
    "RNN": Case(lambda: RNN(3, 5)),
    "RNN-relu": Case(lambda: RNN(3, 5, nonlinearity="relu")),
    "RNN-stacked": Case(lambda: RNN(3, 5, num_layers=3, bias=False)),
    "RNN-bidirectional": Case(lambda: RNN(3, 5, bidirectional=True)),
    "LSTM": Case(lambda: LSTM(3, 5)),
    "LSTM-stacked": Case(lambda: LSTM(3, 7, num_layers=2)),
    "LSTM-dropout": Case(lambda: LSTM(3, 5, num_layers=2, dropout=0.4)),
    "LSTM-bidirectional": Case(lambda: LSTM(3, 5, num_layers=2, bidirectional=True)),
    "GRU": Case(lambda: GRU(3, 5)),
    "GRU-stacked": Case(lambda: GRU(3, 7, num_layers=2)),
    "GRU-bidirectional": Case(lambda: GRU(3, 5, bidirectional=True)),
    "RNN-reverse": Case(lambda: RNN(3, 5, 2, nonlinearity="relu", reverse=True)),
    "RNN-locked": Case(lambda: RNN(3, 5, 2, input_dropout=0.3, state_dropout=0.2)),
    "LSTM-reverse": Case(lambda: LSTM(3, 5, 2, reverse=True)),
    "LSTM-zoneout": Case(lambda: LSTM(3, 5, 2, zoneout=(0.1, 0.4))),
    "LSTM-weight-dropout": Case(lambda: LSTM(3, 5, weight_dropout=0.3)),
    "LSTM-residual": Case(lambda: LSTM(3, 5, 3, residual=True)),
    "LSTM-projected": Case(lambda: LSTM(3, 5, proj_size=2)),
    "LSTM-projected-stacked": Case(lambda: LSTM(3, 5, 3, proj_size=4, bias=False, residual=True)),
    "LSTM-projected-bidirectional": Case(lambda: LSTM(3, 5, 2, proj_size=2, bidirectional=True)),
    "LSTM-projected-locked": Case(lambda: LSTM(3, 5, 2, proj_size=2, state_dropout=0.3, zoneout=(0.2, 0.1))),
    "GRU-zoneout": Case(lambda: GRU(3, 5, zoneout=0.3)),
    "GRU-locked": Case(lambda: GRU(3, 5, 2, input_dropout=0.3, state_dropout=0.2, zoneout=0.1)),
    "GRU-locked-bidirectional": Case(lambda: GRU(3, 5, input_dropout=0.3, bidirectional=True, residual=True)),
    "GRU-before": Case(lambda: GRU(3, 5, 2, reset="before")),
    "GRU-before-bidirectional": Case(lambda: GRU(3, 5, reset="before", bias=False, bidirectional=True)),
    "GRU-renew": Case(lambda: GRU(3, 5, 2, update="renew")),
    "GRU-before-renew": Case(lambda: GRU(3, 5, reset="before", update="renew", zoneout=0.2)),
    "PeepholeLSTM": Case(lambda: PeepholeLSTM(3, 5)),
    "PeepholeLSTM-full": Case(lambda: PeepholeLSTM(3, 5, 2, peepholes="full", residual=True)),
    "PeepholeLSTM-bidirectional": Case(lambda: PeepholeLSTM(3, 5, bias=False, bidirectional=True)),
    "PeepholeLSTM-dropped": Case(lambda: PeepholeLSTM(3, 5, peepholes="full", weight_dropout=0.2)),
    "CoupledLSTM": Case(lambda: CoupledLSTM(3, 5, 2)),
    "CoupledLSTM-reverse": Case(lambda: CoupledLSTM(3, 5, reverse=True)),
    "CoupledLSTM-zoneout": Case(lambda: CoupledLSTM(3, 5, zoneout=0.2, state_dropout=0.1)),
    "ContextGRU": Case(lambda: in_context(3, 5, 4)),
    "ContextGRU-stacked": Case(lambda: in_context(3, 5, 2, 3, update="keep", residual=True)),
    "ContextGRU-after": Case(lambda: in_context(3, 5, 4, 2, reset="after")),
    "ContextGRU-locked": Case(lambda: in_context(3, 5, 4, zoneout=0.3, state_dropout=0.2)),
    "ContextGRU-bidirectional": Case(lambda: ContextGRU(3, 5, 4, bidirectional=True)),
    "LayerNormRNN": Case(lambda: moved(LayerNormRNN(3, 5))),
    "LayerNormRNN-relu": Case(lambda: LayerNormRNN(3, 5, 2, nonlinearity="relu", residual=True)),
    "LayerNormRNN-reverse": Case(lambda: LayerNormRNN(3, 5, nonlinearity="relu", reverse=True)),
    "LayerNormLSTM": Case(lambda: moved(LayerNormLSTM(3, 5))),
    "LayerNormLSTM-stacked": Case(lambda: LayerNormLSTM(3, 5, 2, bias=False, zoneout=0.1)),
    "LayerNormLSTM-bidirectional": Case(lambda: LayerNormLSTM(3, 5, bidirectional=True)),
    "LayerNormGRU": Case(lambda: moved(LayerNormGRU(3, 5))),
    "LayerNormGRU-stacked": Case(lambda: LayerNormGRU(3, 5, 2, bias=False, input_dropout=0.2)),
    "LayerNormGRU-bidirectional": Case(lambda: LayerNormGRU(3, 5, bidirectional=True)),
    "MinGRU": Case(lambda: MinGRU(3, 5)),
    "MinGRU-positive": Case(lambda: MinGRU(3, 5, candidate="positive", bias=False)),
    "MinLSTM": Case(lambda: MinLSTM(3, 5)),
    "MinLSTM-positive": Case(lambda: MinLSTM(3, 5, candidate="positive", bias=False)),
    "SRU": Case(lambda: SRU(3, 5)),
    "SRU-tanh": Case(lambda: SRU(3, 3, activation="tanh", rescale=True, highway_bias=-1.0)),
    "SRU-state": Case(lambda: SRU(3, 3, gates="state")),
    "SRU-state-plain": Case(lambda: SRU(3, 5, gates="state", highway=False)),
    "QRNN-f": Case(lambda: QRNN(3, 5, pooling="f")),
    "QRNN-fo": Case(lambda: QRNN(3, 5, 1, bias=False)),
    "QRNN-ifo": Case(lambda: QRNN(3, 5, 4, pooling="ifo")),
    "QRNN-zoneout": Case(lambda: QRNN(3, 5, zoneout=0.3)),
    "LRU": Case(lambda: LRU(3, 5)),
    "LRU-ring": Case(lambda: LRU(3, 5, 4, r_min=0.6, r_max=0.9, max_phase=0.5)),
    "LRU-without-skip": Case(lambda: LRU(3, 5, skip=False)),
    "Reversed": Case(lambda: Reversed(MinGRU(3, 5))),
    "Reversed-convolution": Case(lambda: Reversed(Conv1d(3, 5, 4))),
    "Reversed-whole": Case(lambda: Reversed(Chain(GRU(3, 4, bidirectional=True), LRU(8, 5)))),
    "Reversed-around": Case(lambda: Parallel(Conv1d(3, 2, 3), Reversed(Conv1d(3, 4, 4)))),
    "Reversed-beside": Case(lambda: Parallel(SRU(3, 5), Reversed(QRNN(3, 5, 3)))),
}
