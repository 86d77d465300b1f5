"""A look into a layer: pictures of how it is wired and of what its outputs see, drawn from the module itself."""

from .drawing import draw_cell, draw_reach, draw_wiring

__all__ = ["draw_cell", "draw_reach", "draw_wiring"]
