"""Pure tensor functions, a folder each: ``naive.py`` defines the numbers, faster twins stand beside it.

``OSTINATO_BACKEND`` forces a backend by name; ``backends()`` says which one each function uses and why.
"""

from . import recurrent, scan
from .choosing import backends

__all__ = ["backends", "recurrent", "scan"]
