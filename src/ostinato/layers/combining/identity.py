"""Identity: a path that returns x.

Axes: B batch, T time steps, C features.
"""

from torch import Tensor

from ...core import SequenceLayer


class Identity(SequenceLayer):
    """y = x."""

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Nothing to do."""
        return x, ()
