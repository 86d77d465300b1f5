"""One layer of a plain RNN, LSTM or GRU, one direction, over all steps of a batch.

    y, hidden = rnn(x, hidden, weights, lengths)              also gru
    y, hidden, cell = lstm(x, hidden, cell, weights, lengths)

Axes: B batch, T time steps, I input features, H hidden features.
"""

from ..choosing import choose
from . import naive, torch_kernels
from .weights import Weights

rnn = choose("rnn", {"naive": naive.rnn, "torch": torch_kernels.rnn})
gru = choose("gru", {"naive": naive.gru, "torch": torch_kernels.gru})
lstm = choose("lstm", {"naive": naive.lstm, "torch": torch_kernels.lstm})

__all__ = ["Weights", "gru", "lstm", "rnn"]
