"""Recurrent layers: a cell repeated along time."""

from .base import Recurrent, RecurrentOptions
from .context import ContextGRU, ContextGRUState, GivenContext
from .dropout import LockedState
from .gated import CoupledLSTM, PeepholeLSTM
from .initialisation import chrono_, forget_bias_, identity_, orthogonal_
from .normalised import LayerNormGRU, LayerNormLSTM, LayerNormRNN
from .rnn import GRU, LSTM, RNN, GRUState, LSTMState, RNNState

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "ContextGRU",
    "ContextGRUState",
    "CoupledLSTM",
    "GRUState",
    "GivenContext",
    "LSTMState",
    "LayerNormGRU",
    "LayerNormLSTM",
    "LayerNormRNN",
    "LockedState",
    "PeepholeLSTM",
    "RNNState",
    "Recurrent",
    "RecurrentOptions",
    "chrono_",
    "forget_bias_",
    "identity_",
    "orthogonal_",
]
