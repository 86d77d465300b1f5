"""One recurrent layer, one direction, over all steps of a batch: any cell, through one function.

    y, parts = run(cell, x, parts, lengths)         on the fastest kernel for this cell and this call
    y, parts = unroll(cell, x, parts, lengths)      step by step, which defines the numbers

Axes: B batch, T time steps, I input features, H hidden features.
"""

from .cell import Cell, Parts, unroll
from .cells import GRUCell, GRUTrace, LSTMCell, LSTMTrace, Projecting, RNNCell, RNNTrace
from .gated_cells import ContextCell, CoupledLSTMCell, CoupledLSTMTrace, EarlyResetGRUCell, PeepholeLSTMCell
from .kernels import KERNELS, RecurrentKernel, run
from .normalised_cells import LayerNormGRUCell, LayerNormLSTMCell, LayerNormRNNCell, Norm
from .weights import Weights

__all__ = [
    "KERNELS",
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
    "RecurrentKernel",
    "Weights",
    "run",
    "unroll",
]
