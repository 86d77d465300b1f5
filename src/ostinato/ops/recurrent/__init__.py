"""One layer of a plain RNN, LSTM or GRU, one direction, over all steps of a batch.

    y, hidden = rnn(x, hidden, weights, lengths)              also gru
    y, hidden, cell = lstm(x, hidden, cell, weights, lengths)
    y, parts = unroll(cell, x, parts, lengths)                any other cell, step by step

Axes: B batch, T time steps, I input features, H hidden features.
"""

from ..choosing import choose
from . import naive, torch_kernels
from .cell import Cell, Parts, unroll
from .cells import GRUCell, GRUTrace, LSTMCell, LSTMTrace, Projecting, RNNCell, RNNTrace
from .gated_cells import ContextCell, CoupledLSTMCell, CoupledLSTMTrace, EarlyResetGRUCell, PeepholeLSTMCell
from .normalised_cells import LayerNormGRUCell, LayerNormLSTMCell, LayerNormRNNCell, Norm
from .weights import Weights

rnn = choose("rnn", {"naive": naive.rnn, "torch": torch_kernels.rnn})
gru = choose("gru", {"naive": naive.gru, "torch": torch_kernels.gru})
lstm = choose("lstm", {"naive": naive.lstm, "torch": torch_kernels.lstm})

__all__ = [
    "Cell",
    "ContextCell",
    "CoupledLSTMCell",
    "CoupledLSTMTrace",
    "EarlyResetGRUCell",
    "GRUCell",
    "GRUTrace",
    "LSTMCell",
    "LSTMTrace",
    "LayerNormGRUCell",
    "LayerNormLSTMCell",
    "LayerNormRNNCell",
    "Norm",
    "Parts",
    "PeepholeLSTMCell",
    "Projecting",
    "RNNCell",
    "RNNTrace",
    "Weights",
    "gru",
    "lstm",
    "rnn",
    "unroll",
]
