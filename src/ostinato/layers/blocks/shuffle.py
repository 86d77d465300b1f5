"""Channel shuffle: between two grouped convolutions, so that groups exchange features.

Axes: B batch, T time steps, C features.
"""

from torch import Tensor

from ...core import SequenceLayer
from ...errors import ConfigError
from ..sizes import at_least_one


class ChannelShuffle(SequenceLayer):
    """y[j * groups + i] = x[i * C / groups + j]: the first feature of each group, then the second of each, ...

    Args:
        input_size: features per step, C.
        groups: into how many equal parts they fall.

    Shape:
        x (B, T, C), y (B, T, C). The state is ().

    Raises:
        ConfigError: a size is below 1, or groups do not divide C.

    Source:
        Zhang et al. 2017, ShuffleNet, arXiv:1707.01083, section 3.1; ``torch.nn.ChannelShuffle``.
    """

    def __init__(self, input_size: int, groups: int) -> None:
        super().__init__()
        at_least_one(input_size=input_size, groups=groups)
        if input_size % groups:
            raise ConfigError(f"groups must divide input_size {input_size}, got {groups}.")
        self.input_size = self.output_size = input_size
        self.groups = groups

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """In channel-first memory, as convolutions hand it on."""
        y = x.movedim(2, 1).unflatten(1, (self.groups, -1)).transpose(1, 2)
        return y.flatten(1, 2).movedim(1, 2), ()
