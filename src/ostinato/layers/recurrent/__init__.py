"""Recurrent layers: a cell repeated along time."""

from .base import Options, Recurrent
from .chances import LockedState
from .plain import GRU, LSTM, RNN, GRUState, LSTMState, RNNState

__all__ = ["GRU", "LSTM", "RNN", "GRUState", "LSTMState", "LockedState", "Options", "RNNState", "Recurrent"]
