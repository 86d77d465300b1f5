"""Dense blocks that learn which features each group needs, and the wiring across resolutions.

Axes: B batch, T time steps, I input features, O output features, K kernel size, G growth rate, g groups, D condense
factor.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from ...core import SequenceLayer
from ...errors import ConfigError
from ..combining.chain import Chain
from ..combining.dense_connections import DenseConnections
from ..convolution import Conv1d, LearnedGroupConv1d
from ..pooling import AvgPool1d
from ..sizes import at_least_one, whole_numbers
from .parts import Activation, Norm, activation_layer, dropout_layer, in_order, norm_layer
from .shuffle import ChannelShuffle


class Condensing(nn.Module):
    """What is asked of every learned-group convolution within, at once."""

    def group_lasso(self) -> Tensor:
        """What to add to the loss, times a rate: the sum of that of all convolutions that learn their groups."""
        return torch.stack([layer.group_lasso() for layer in self._learning()]).sum()

    def condense(self) -> None:
        """End a stage in all of them: each group loses the features that weigh least in it.

        Raises:
            ConfigError: all stages are done.
        """
        for layer in self._learning():
            layer.condense()

    def condensed(self) -> Self:
        """A copy for use, in which an index and a small grouped convolution stand for each of them. Its state is
        another one: begin anew.

        Raises:
            ConfigError: a stage is left.
        """
        made = copy.deepcopy(self)
        for parent in list(made.modules()):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, LearnedGroupConv1d):
                    setattr(parent, name, layer.condensed())
        return made

    def _learning(self) -> Iterator[LearnedGroupConv1d]:
        return (layer for layer in self.modules() if isinstance(layer, LearnedGroupConv1d))


class CondenseBlock(Condensing, DenseConnections):
    """x_n = H_n([x_0, ..., x_(n-1)]), y = [x_0, ..., x_N], each H_n of G features by grouped convolutions.

        H:  norm -> f -> learned groups 1 x 1, b G -> shuffle -> norm -> f -> groups K, G -> dropout

    The shuffle lets every group of the second convolution see all groups of the first. The first begins dense:
    training ends each of its D - 1 stages by ``condense`` and adds ``group_lasso`` to the loss; ``condensed`` then
    gives the small block.

    Args:
        input_size: features per step, I.
        growth_rate: features that each layer adds, G.
        layers: how many there are, N.
        kernel_size: steps of the kernels, K.
        bottleneck: b, features of the 1 x 1 as a multiple of G.
        groups: of both convolutions, g.
        condense_factor: D; 1 / D of the features remain in each group.
        norm: "batch", "layer", None, or a function of the size that makes a layer.
        activation: f, a name such as "relu", None, or what makes a module; see ``ConvBlock``.
        dropout: rate at which single numbers of what a layer adds are dropped.

    Shape:
        x (B, T, I), y (B, T, I + N G). The state is a tuple, one part for each layer.

    Raises:
        ConfigError: a size is below 1, groups do not divide G, D does not divide I and G, or a norm, an activation or a
            rate is not one.

    Source:
        Huang et al. 2017, CondenseNet, arXiv:1711.09224, figure 1 (middle, right) and section 4.1. Kernels look back
        only.

    >>> CondenseBlock(8, growth_rate=4, layers=3).output_size
    20
    """

    def __init__(
        self,
        input_size: int,
        growth_rate: int,
        layers: int,
        kernel_size: int = 3,
        *,
        bottleneck: int = 4,
        groups: int = 4,
        condense_factor: int = 4,
        norm: Norm = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
    ) -> None:
        at_least_one(input_size=input_size, growth_rate=growth_rate, layers=layers, bottleneck=bottleneck)
        at_least_one(groups=groups, condense_factor=condense_factor)
        _check_divides("groups", groups, growth_rate=growth_rate)
        sizes = {"input_size": input_size} | ({"growth_rate": growth_rate} if layers > 1 else {})
        _check_divides("condense_factor", condense_factor, **sizes)
        between, bias = bottleneck * growth_rate, norm is None

        def composite(size: int) -> SequenceLayer:
            return in_order(
                norm1=norm_layer(norm, size),
                activation1=activation_layer(activation),
                convolution1=LearnedGroupConv1d(
                    size, between, 1, groups=groups, condense_factor=condense_factor, bias=bias
                ),
                shuffle=ChannelShuffle(between, groups),
                norm2=norm_layer(norm, between),
                activation2=activation_layer(activation),
                convolution2=Conv1d(between, growth_rate, kernel_size, groups=groups, bias=bias),
                dropout=dropout_layer(dropout),
            )

        super().__init__(*(composite(input_size + index * growth_rate) for index in range(layers)))
        self.growth_rate = growth_rate


class CondenseStages(Condensing, Chain):
    """Condense blocks one after the other, each at half the resolution of the one before and with twice its growth.

        x -> block, G -> average of 2 -> block, 2 G -> average of 2 -> block, 4 G -> y

    What a block gives holds all that came before it, and all of it is pooled: so every layer sees every layer before
    it, of every resolution, as if each pair were connected by a pooling of its own.

    Args:
        input_size: features per step, I.
        growth_rate: features that each layer of the first block adds, G.
        layers: how many layers each block has.
        pool_size: steps that a resolution joins, which are also the stride.
        kernel_size, bottleneck, groups, condense_factor, norm, activation, dropout: as in ``CondenseBlock``.

    Shape:
        x (B, T, I), y (B, T // S, O): of M blocks S = pool_size ** (M - 1), O = I + the sum of 2^m G layers[m].
        The state is a tuple of the states of blocks and poolings.

    Raises:
        ConfigError: there are no blocks, or as in ``CondenseBlock``.

    Source:
        Huang et al. 2017, CondenseNet, arXiv:1711.09224, section 4.2 and figure 5: growth that increases exponentially,
        and fully dense connectivity.

    >>> stages = CondenseStages(8, 4, layers=(2, 3))
    >>> stages.output_size, stages.stride
    (40, Fraction(2, 1))
    """

    def __init__(
        self,
        input_size: int,
        growth_rate: int,
        layers: Sequence[int] = (2, 2),
        kernel_size: int = 3,
        *,
        pool_size: int = 2,
        bottleneck: int = 4,
        groups: int = 4,
        condense_factor: int = 4,
        norm: Norm = "batch",
        activation: Activation = "relu",
        dropout: float = 0.0,
    ) -> None:
        if not isinstance(layers, Sequence) or not layers:
            raise ConfigError(
                f"layers must say how many layers each block has, such as (2, 2), got {layers!r}."
            )
        stages: dict[str, SequenceLayer] = {}
        size, growth = input_size, growth_rate
        for index, count in enumerate(whole_numbers("layers", layers)):
            if index:
                stages[f"pool{index}"] = AvgPool1d(size, pool_size)
            stages[f"block{index + 1}"] = CondenseBlock(
                size,
                growth,
                count,
                kernel_size,
                bottleneck=bottleneck,
                groups=groups,
                condense_factor=condense_factor,
                norm=norm,
                activation=activation,
                dropout=dropout,
            )
            size, growth = size + count * growth, 2 * growth
        super().__init__(**stages)


def _check_divides(name: str, factor: int, **sizes: int) -> None:
    for what, size in sizes.items():
        if size % factor:
            more = -(-size // factor) * factor
            raise ConfigError(
                f"{name} {factor} must divide {what}, got {size}. Take {what} {more}, or other {name}."
            )
