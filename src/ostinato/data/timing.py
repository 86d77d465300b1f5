"""``Timing``: which step of x an output of a model refers to, given latency, stride and blocks.

Axes: T time steps in, T' outputs.
"""

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from ..core import SequenceLayer, newest
from ..errors import ConfigError


class Timing(NamedTuple):
    """When a model gives its outputs, as it declares it, counted from the beginning.

    latency        input steps by which an output lags
    stride         input steps for each output
    block          input steps after which outputs come in whole
    outputs_after  outputs that have come after each step of the first block
    steps_out      outputs of any sequence, where that number is fixed

    >>> from ostinato.layers import Conv1d
    >>> Timing.of(Conv1d(3, 8, 4, stride=2, latency=1))
    Timing(latency=1, stride=Fraction(2, 1), block=2, outputs_after=(0, 1), steps_out=None)
    """

    latency: int = 0
    stride: Fraction = Fraction(1)
    block: int = 1
    outputs_after: tuple[int, ...] = (1,)
    steps_out: int | None = None

    @classmethod
    def of(cls, model: SequenceLayer) -> "Timing":
        """What a layer or model declares."""
        after = model.out_lengths(torch.arange(1, model.block + 1, device="cpu")).tolist()
        return cls(model.latency, model.stride, model.block, tuple(after), model.steps_out)

    def outputs(self, lengths: Tensor) -> Tensor:
        """How many outputs ``lengths`` (B,) steps give."""
        if self.steps_out is not None:
            return torch.where(lengths > 0, self.steps_out, 0)
        within = torch.tensor([0, *self.outputs_after[:-1]], device=lengths.device)
        return lengths // self.block * int(self.block / self.stride) + within[lengths % self.block]

    def completed_by(self, outputs: int) -> list[int]:
        """The input steps with which the first ``outputs`` are complete; each refers to the one ``latency`` before."""
        return [newest(output, self.stride) for output in range(outputs)]

    def lag(self, steps: int) -> int:
        """How many steps before the last of ``steps`` the last output refers to.

        Raises:
            ConfigError: so few steps give no output.
        """
        if self.steps_out is not None:  # it refers to all steps
            return 0
        outputs = int(self.outputs(torch.tensor([steps])))
        if outputs == 0:
            raise ConfigError(
                f"{steps} steps are too few for a single output: the model has stride {self.stride} and block "
                f"{self.block}. Take longer windows."
            )
        return steps - 1 - newest(outputs - 1, self.stride) + self.latency

    def whole_blocks(self, steps: int) -> int:
        """``steps`` and as many more as fill the last block."""
        return -(-steps // self.block) * self.block


STEP_BY_STEP = Timing()  # each step in is one step out, about that very step


def check_one_output_for_each_step(timing: Timing) -> None:
    """Refuse a model of which no output, or more than one, refers to the target of a step.

    Raises:
        ConfigError: it is such a model.
    """
    if timing.steps_out is not None:
        raise ConfigError(
            f"the model gives a fixed number of outputs, {timing.steps_out}, and each step has a target. Use windows, "
            "where the last output is learnt from."
        )
    if timing.stride < 1:
        raise ConfigError(
            f"the model has stride {timing.stride}: it gives several outputs for a step, and a step has one target. "
            "Take a model with stride 1 or more."
        )
