"""Neural networks that repeat themselves along time: convolutional and recurrent, in PyTorch.

Train on whole sequences in parallel, run live one step at a time, and get the same numbers.
Import the part you need: ``from ostinato import layers``, ``from ostinato.checks import check_layer``.
"""

__version__ = "0.1.0"
