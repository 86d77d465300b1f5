"""Networks on a fixed window of steps: a CNN, and an MLP to compare it with.

Axes: N windows, L steps of a window, C channels, I input features, O output features.
"""

from pydantic import Field, field_validator
from torch import Tensor, nn

from ..core import SequenceLayer
from ..errors import ShapeError
from ..layers import Windowed
from .config import Depth, Kernel, NetworkConfig, Rate, Size, Window
from .heads import OutputHead
from .limits import check_window


class CNNConfig(NetworkConfig):
    """Fields of the lecture's CNN. Each block halves the steps; the default sizes were chosen on validation data."""

    window: Window = 16
    channels: tuple[Size, ...] = Field(default=(32, 64), min_length=1, max_length=16)
    kernel_size: Kernel = 3
    units: Size = 64
    dropout: Rate = 0.2

    @field_validator("kernel_size")
    @classmethod
    def _is_odd(cls, kernel_size: int) -> int:
        if kernel_size % 2 == 0:  # there would be one step more on one side
            raise ValueError("the kernel must have an odd number of steps")
        return kernel_size

    def steps(self) -> list[int]:
        """Steps that each block begins with, and those that the head is given."""
        steps = [self.window]
        for _ in self.channels:
            steps.append(max(steps[-1] // 2, 1))
        return steps


class MLPConfig(NetworkConfig):
    """Fields of the multilayer perceptron on a window."""

    window: Window = 8
    units: Size = 64
    layers: Depth = 2
    dropout: Rate = 0.2


class ConvolutionsOnWindow(nn.Module):
    """Conv–BatchNorm–LeakyReLU–MaxPool blocks, then fully connected.

    Shape:
        windows (N, L, I) to (N, O).

    Source:
        The block of the founding lecture on cryptocurrency prices; INPUT → [[CONV → RELU] → POOL] → FC → FC as in
        LeCun et al. 1998, with Ioffe & Szegedy 2015 between convolution and activation.
    """

    def __init__(self, config: CNNConfig, input_size: int, head: OutputHead) -> None:
        super().__init__()
        steps, inputs = config.steps(), input_size
        blocks: list[nn.Module] = []
        for begin, channels in zip(steps, config.channels, strict=False):
            blocks += self._block(inputs, channels, config.kernel_size, pool=begin > 1)
            inputs = channels
        self.blocks = nn.Sequential(*blocks)
        self.shortest = min(steps[:-1])  # what a BatchNorm sees of one window
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(inputs * steps[-1], config.units),
            nn.LeakyReLU(),
            nn.Dropout(config.dropout),
            head.linear(config.units),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """One answer for each window."""
        if self.training and len(windows) * self.shortest == 1:
            raise ShapeError(
                "BatchNorm cannot train on a single window of which one step is left. Use batches of more windows, "
                "or longer windows."
            )
        return self.head(self.blocks(windows.transpose(1, 2)))

    @staticmethod
    def _block(inputs: int, channels: int, kernel_size: int, pool: bool) -> list[nn.Module]:
        block: list[nn.Module] = [
            nn.Conv1d(inputs, channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm1d(channels),
            nn.LeakyReLU(),
        ]
        return [*block, nn.MaxPool1d(2)] if pool else block


def cnn(config: CNNConfig, input_size: int, head: OutputHead) -> SequenceLayer:
    """x (B, T, I) to y (B, T, O), each step answered from the last ``window`` steps."""
    for steps, channels in zip(
        [config.window, *config.steps()], [input_size, *config.channels], strict=False
    ):
        check_window("cnn", steps, channels)
    return Windowed(ConvolutionsOnWindow(config, input_size, head), config.window, input_size, head.outputs)


def mlp(config: MLPConfig, input_size: int, head: OutputHead) -> SequenceLayer:
    """x (B, T, I) to y (B, T, O), each step answered from the last ``window`` steps laid side by side."""
    check_window("mlp", config.window, input_size)
    modules: list[nn.Module] = [nn.Flatten()]
    inputs = config.window * input_size
    for _ in range(config.layers):
        modules += [nn.Linear(inputs, config.units), nn.ReLU(), nn.Dropout(config.dropout)]
        inputs = config.units
    modules.append(head.linear(inputs))
    return Windowed(nn.Sequential(*modules), config.window, input_size, head.outputs)
