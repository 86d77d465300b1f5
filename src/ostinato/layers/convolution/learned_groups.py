"""Grouped convolution that learns which features each group looks at.

Axes: B batch, T time steps, C input features, O output features, K kernel size, G groups, D condense factor.
"""

import torch
from torch import Tensor

from ...errors import ConfigError
from ...ops.convolution import convolve
from .causal import Conv1d
from .condensed import CondensedConv1d, check_condensing


class LearnedGroupConv1d(Conv1d):
    """Causal convolution whose outputs stand in G groups, each of which comes to see its own C / D features.

    It begins dense. Training is cut into D - 1 condensing stages and a last one: after each of the D - 1 call
    ``condense``, and every group loses the C / D features that weigh least in it. Add ``group_lasso`` to the loss, so
    that the weights of a group agree on what they need. Then ``condensed`` gives the small layer for use.

    Args:
        input_size: features per step, C.
        output_size: features of the output, O.
        kernel_size: steps that the kernel touches, K; 1 in the paper.
        groups: groups of outputs, G, each of O / G beside each other.
        condense_factor: D; 1 / D of the features remain in each group.
        stride, dilation, bias, latency: as in ``Conv1d``.

    Shape:
        x (B, T, C), y (B, T // stride, O); the buffer mask (G, C) is true where a group still sees a feature.

    Raises:
        ConfigError: a size is below 1, groups do not divide O, or the condense factor does not divide C.

    Source:
        Huang et al. 2017, CondenseNet, arXiv:1711.09224, section 4.1. There the kernel is one step; here a feature's
        weights are summed over the kernel too. Groups are of neighbouring outputs, as in ``torch.nn.Conv1d``. When a
        stage ends is for the training to say: in the paper each takes M / (2 (D - 1)) of M epochs, and the last half
        is trained condensed.

    >>> layer = LearnedGroupConv1d(4, 6, 1, groups=2, condense_factor=2)
    >>> layer.condense()
    >>> layer.stage, layer.mask.sum(dim=1).tolist(), layer.condensed().convolution.weight.shape
    (1, [2, 2], torch.Size([6, 2, 1]))
    """

    input_size: int
    output_size: int
    mask: Tensor

    def __init__(
        self,
        input_size: int,
        output_size: int,
        kernel_size: int = 1,
        *,
        groups: int,
        condense_factor: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
        latency: int = 0,
    ) -> None:
        check_condensing(input_size, output_size, groups, condense_factor)
        super().__init__(
            input_size, output_size, kernel_size, stride=stride, dilation=dilation, bias=bias, latency=latency
        )
        self.filter_groups, self.condense_factor = groups, condense_factor
        self.register_buffer("mask", torch.ones(groups, input_size, dtype=torch.bool))

    @property
    def stage(self) -> int:
        """Condensing stages that are done, 0 to ``condense_factor`` - 1."""
        return int((~self.mask[0]).sum()) // (self.input_size // self.condense_factor)

    def slide(self, buffer: Tensor) -> Tensor:
        """Dense, with zeros where a group sees nothing any more."""
        weight = self._by_group().flatten(0, 1)
        y = convolve(buffer.transpose(1, 2), weight, self.bias, stride=self.step, dilation=self.dilation)
        return y.transpose(1, 2)

    def importance(self) -> Tensor:
        """The sum of the magnitudes with which a group weighs a feature, (G, C)."""
        return self._by_group().abs().sum(dim=(1, 3))

    def group_lasso(self) -> Tensor:
        """What to add to the loss, times a rate: the sum over groups and features of the weights' Euclidean norms."""
        return torch.linalg.vector_norm(self._by_group(), dim=(1, 3)).sum()

    def condense(self) -> None:
        """End a stage: each group loses the ``input_size / condense_factor`` features that weigh least in it.

        Raises:
            ConfigError: all stages are done.
        """
        self._check_stage(self.stage + 1)
        seen = self.importance().detach().masked_fill(~self.mask, torch.inf)
        weakest = seen.topk(self.input_size // self.condense_factor, dim=1, largest=False).indices
        self.mask.scatter_(1, weakest, False)

    def condensed(self) -> CondensedConv1d:
        """The layer for use: it gives the same numbers with 1 / D of the weights, and shares none with this one.

        Raises:
            ConfigError: a stage is left.
        """
        if self.stage < self.condense_factor - 1:
            raise ConfigError(
                f"{self.stage} of {self.condense_factor - 1} condensing stages are done. Call condense() for each of "
                "the others, with training between them."
            )
        features = self.mask.nonzero()[:, 1].view(self.filter_groups, -1)
        kept = self._by_group().transpose(1, 2)[torch.arange(self.filter_groups)[:, None], features]
        layer = CondensedConv1d(
            self.input_size,
            self.output_size,
            self.weight.shape[2],
            groups=self.filter_groups,
            condense_factor=self.condense_factor,
            stride=self.step,
            dilation=self.dilation,
            bias=self.bias is not None,
            latency=self.latency,
        ).to(self.weight)
        layer.index.indices.copy_(features.flatten())
        with torch.no_grad():
            layer.convolution.weight.copy_(kept.transpose(1, 2).flatten(0, 1))
            if self.bias is not None and layer.convolution.bias is not None:
                layer.convolution.bias.copy_(self.bias)
        return layer.train(self.training)

    def _by_group(self) -> Tensor:
        """The weight that counts, (G, O / G, C, K)."""
        weight = self.weight.unflatten(0, (self.filter_groups, -1))
        return torch.where(self.mask[:, None, :, None], weight, 0.0)

    def _check_stage(self, stage: int) -> None:
        if stage > self.condense_factor - 1:
            raise ConfigError(
                f"all {self.condense_factor - 1} condensing stages are done: each group sees 1 feature in "
                f"{self.condense_factor}. Use condensed(), or a larger condense_factor from the start."
            )
