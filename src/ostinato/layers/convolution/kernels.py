"""Helpers of convolutions: checks of sizes, and weight normalisation.

Axes: C input features, O output features, K kernel size, G groups.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from ...errors import ConfigError
from ..sizes import at_least_one


def check_kernel(input_size: int, output_size: int, kernel_size: int, dilation: int, groups: int) -> None:
    """Refuse sizes below 1, and groups that leave features over.

    Raises:
        ConfigError: a size is no whole number of at least 1, or groups do not divide both feature counts.
    """
    at_least_one(input_size=input_size, output_size=output_size, kernel_size=kernel_size, dilation=dilation)
    at_least_one(groups=groups)
    if input_size % groups or output_size % groups:
        raise ConfigError(
            f"groups must divide input_size {input_size} and output_size {output_size}, got {groups}."
        )


def own_weights(module: nn.Module, like: nn.Module, weight_norm: bool, dim: int = 0) -> None:
    """Give ``module`` the weight and bias of torch's ``like``: named, shaped and initialised as there.

    ``dim`` is the axis of outputs in the weight, each of which has a magnitude where ``weight_norm`` is asked for.
    """
    module.weight, module.bias = like.weight, like.bias
    if weight_norm:
        normalise_weight(module, dim)


def normalise_weight(module: nn.Module, dim: int = 0) -> None:
    """weight = g v / |v| with a magnitude g for each place along ``dim``; the weight of now is where it begins.

    From here on ``weight`` is computed: assign to it (``layer.weight = w``); filling ``weight.data`` fills a copy.

    Source:
        Salimans & Kingma 2016, arXiv:1602.07868, section 2, equation 2.
    """
    parametrizations.weight_norm(module, dim=dim)
    module.get_submodule("parametrizations.weight").register_module("0", WeightNorm(dim))


class WeightNorm(nn.Module):
    """g v / |v|, as ``torch.nn.utils.parametrizations.weight_norm``, and in its place.

    Its kernel for CUDA takes the root in single precision: in float64 weights are off by 1e-8 (torch 2.11).
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, magnitude: Tensor, direction: Tensor) -> Tensor:
        """The weight."""
        if direction.is_cuda and direction.dtype == torch.float64:
            return direction * (magnitude / torch.norm_except_dim(direction, 2, self.dim))
        return torch._weight_norm(direction, magnitude, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Its magnitude and direction."""
        return torch.norm_except_dim(weight, 2, self.dim), weight
