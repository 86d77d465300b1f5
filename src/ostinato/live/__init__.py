"""Live running: feeds, and the engine that steps a trained model on them."""

from .events import Event, Gap, Item, Note, Position, Since

__all__ = ["Event", "Gap", "Item", "Note", "Position", "Since"]
