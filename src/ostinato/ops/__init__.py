"""Pure tensor functions, one folder each: ``naive.py`` defines the numbers, and faster kernels compute the same.

Each call runs on the first kernel that does not refuse it (``core/kernels.py``). ``OSTINATO_BACKEND`` names the kernels
to ask first; ``backends()`` says which are asked, why not others, and what was refused.
"""

from ..core.kernels import backends, order_kernels
from . import convolution, recurrent, scan

order_kernels()  # now that all are known

__all__ = ["backends", "convolution", "recurrent", "scan"]
