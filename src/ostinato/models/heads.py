"""Heads: the last linear map of a network, from the features of a body to the outputs of a task.

Axes: T time steps, H features of the body, O outputs.
"""

from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from ..errors import ConfigError
from ..layers import Dense

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class OutputHead:
    """O numbers from the H features that a body gives: values, log-odds of classes, parameters of a distribution.

    Args:
        outputs: O.
        zero: whether it begins at 0, so that training begins with what stands beside the network.

    Source:
        Zhang, Dauphin & Ma 2019, Fixup, arXiv:1901.09321, section 3, begins with a last layer of 0.
    """

    outputs: int
    zero: bool = False

    def __post_init__(self) -> None:
        if self.outputs < 1:
            raise ConfigError(f"a head must give at least 1 output, got {self.outputs}.")

    def linear(self, features: int) -> nn.Linear:
        """For a body that is not a layer, such as the module of a window: (..., H) to (..., O)."""
        return self._begin(nn.Linear(features, self.outputs))

    def layer(self, features: int) -> Dense:
        """For a body of layers: (B, T, H) to (B, T, O)."""
        return self._begin(Dense(features, self.outputs))

    def _begin(self, module: M) -> M:
        if self.zero:
            for parameter in module.parameters():
                nn.init.zeros_(parameter)
        return module
