"""Recurrent layers whose state enters its own recurrence linearly: they train on all steps at once, by one scan."""

from .base import LinearRecurrent
from .lru import LRU, LRUState, LRUTrace
from .minimal import MinGRU, MinGRUTrace, MinLSTM, MinLSTMTrace, MinState
from .qrnn import QRNN, QRNNState, QRNNTrace
from .sru import SRU, SRUState, SRUTrace

__all__ = [
    "LRU",
    "QRNN",
    "SRU",
    "LRUState",
    "LRUTrace",
    "LinearRecurrent",
    "MinGRU",
    "MinGRUTrace",
    "MinLSTM",
    "MinLSTMTrace",
    "MinState",
    "QRNNState",
    "QRNNTrace",
    "SRUState",
    "SRUTrace",
]
