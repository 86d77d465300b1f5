"""Linear recurrent layers: the recurrence is linear in the state, so all steps are computed by one scan."""

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
