"""Pictures of real modules, as SVG that follows light and dark. Nothing in them is drawn by hand.

draw_cell(LSTM(3, 5))                     what one step of a recurrent layer computes, and where its gates are
draw_wiring(DenseBlock(...))              which layers a combination is made of, and what reaches which
draw_reach(Chain(Conv1d(...), ...))       which steps an output of a stack sees, layer by layer
"""

from .reach import draw_reach
from .wiring import draw_cell, draw_wiring

__all__ = ["draw_cell", "draw_reach", "draw_wiring"]
