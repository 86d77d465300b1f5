"""The same architecture written in torch, over whole sequences, where each layer in it has a twin there.

Axes: B batch, T time steps, C features; torch's convolutions take (B, C, T).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from contract.architectures.subject import Examined, same
from ostinato import layers as ours
from ostinato.core import SequenceLayer


class NoTwinError(Exception):
    """A layer has none."""


def equals_torch(subject: Examined) -> None:
    """y is what torch's own layers give, with the same weights."""
    x = subject.x(subject.steps)
    try:
        expected = twin(subject.layer, x)
    except NoTwinError:
        return
    same("y", subject.whole[0], expected, "against torch")


def twin(layer: SequenceLayer, x: Tensor) -> Tensor:
    """y (B, T', O) for x (B, T, C).

    Raises:
        NoTwinError: a layer within has none.
    """
    known = TWINS.get(type(layer)) or (_recurrent if type(layer) in RECURRENT else None)
    if known is None:
        raise NoTwinError(type(layer).__name__)
    return known(layer, x)


def _behind(x: Tensor, span: int, stride: int, fill: float = 0.0) -> Tensor:
    """(B, C, T') whose windows of ``span`` steps end where blocks of ``stride`` steps do."""
    steps = x.shape[1] - x.shape[1] % stride
    return F.pad(x[:, :steps].transpose(1, 2), (span - stride, 0), value=fill)


def _windows(
    x: Tensor, span: int, stride: int, function: Callable[[Tensor], Tensor], fill: float = 0.0
) -> Tensor:
    if x.shape[1] < stride:
        raise NoTwinError("no output")
    return function(_behind(x, span, stride, fill)).transpose(1, 2)


def _conv(layer: Any, x: Tensor) -> Tensor:
    span = (layer.weight.shape[2] - 1) * layer.dilation + 1
    options = layer.step, 0, layer.dilation, layer.groups
    return _windows(x, span, layer.step, lambda x: F.conv1d(x, layer.weight, layer.bias, *options))


def _transposed(layer: Any, x: Tensor) -> Tensor:
    if x.shape[1] == 0:
        raise NoTwinError("no output")
    options = layer.factor, 0, 0, layer.groups, layer.dilation
    y = F.conv_transpose1d(x.transpose(1, 2), layer.weight, layer.bias, *options)
    return y[:, :, : x.shape[1] * layer.factor].transpose(1, 2)


def _max_pool(layer: Any, x: Tensor) -> Tensor:
    kernel, stride = layer.kernel_size, layer.step
    return _windows(x, kernel, stride, lambda x: F.max_pool1d(x, kernel, stride), -torch.inf)


def _avg_pool(layer: Any, x: Tensor) -> Tensor:
    kernel, stride = layer.kernel_size, layer.step
    return _windows(x, kernel, stride, lambda x: F.avg_pool1d(x, kernel, stride))


def _upsample(layer: Any, x: Tensor) -> Tensor:
    if layer.mode == "repeat":
        return x.repeat_interleave(layer.factor, dim=1)
    before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)
    ways = [before + (x - before) * (step / layer.factor) for step in range(1, layer.factor + 1)]
    return torch.stack(ways, dim=2).flatten(1, 2)


def _recurrent(layer: Any, x: Tensor) -> Tensor:
    """Torch's own layer, where none of our options is on."""
    options = layer.extra_repr()
    if (
        any(word in options for word in ("reset", "update", "residual", "reverse", "zoneout"))
        or x.shape[1] == 0
    ):
        raise NoTwinError("options")
    named = {name: getattr(layer, name) for name in ("bias", "bidirectional") if hasattr(layer, name)}
    named |= {"nonlinearity": layer.nonlinearity} if type(layer) is ours.RNN else {}
    named |= {"proj_size": layer.proj_size} if type(layer) is ours.LSTM else {}
    made = RECURRENT[type(layer)](
        layer.input_size, layer.hidden_size, layer.num_layers, batch_first=True, dtype=torch.float64, **named
    )
    made.load_state_dict(layer.state_dict())
    return made(x)[0]


def _chain(layer: Any, x: Tensor) -> Tensor:
    for part in layer.layers:
        x = twin(part, x)
    return x


def _beside(layer: Any, x: Tensor) -> Tensor:
    return torch.cat([twin(part, x) for part in layer.layers], dim=-1)


def _sum(layer: Any, x: Tensor) -> Tensor:
    return twin(layer.body, x) + twin(layer.shortcut, x)


def _batch_norm(layer: Any, x: Tensor) -> Tensor:
    inner = next(module for module in layer.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
    if x.dim() > 3 or x.shape[1] == 0:
        raise NoTwinError("frequencies")
    made = F.batch_norm(
        x.transpose(1, 2), inner.running_mean, inner.running_var, inner.weight, inner.bias, eps=inner.eps
    )
    return made.transpose(1, 2)


def _reversed(layer: Any, x: Tensor) -> Tensor:
    return twin(layer.layer, x.flip(1)).flip(1)


RECURRENT: dict[type, Any] = {ours.RNN: nn.RNN, ours.LSTM: nn.LSTM, ours.GRU: nn.GRU}
TWINS: dict[type, Callable[[Any, Tensor], Tensor]] = {
    ours.Chain: _chain,
    ours.Repeat: _chain,
    ours.Parallel: _beside,
    ours.SkipConnection: _beside,
    ours.DenseConnections: _chain,
    ours.UNet: _chain,
    ours.ConvBlock: _chain,
    ours.ResidualBlock: _chain,
    ours.TCNBlock: _chain,
    ours.SeparableConv1d: _chain,
    ours.Residual: _sum,
    ours.Reversed: _reversed,
    ours.Conv1d: _conv,
    ours.DepthwiseConv1d: _conv,
    ours.PointwiseConv1d: _conv,
    ours.ConvTranspose1d: _transposed,
    ours.MaxPool1d: _max_pool,
    ours.AvgPool1d: _avg_pool,
    ours.BatchNorm: _batch_norm,
    ours.Upsample: _upsample,
    ours.Downsample: lambda layer, x: x[:, layer.step - 1 :: layer.step],
    ours.Delay: lambda layer, x: F.pad(x.movedim(1, -1), (layer.latency, 0)).movedim(-1, 1)[:, : x.shape[1]],
    ours.InBlocks: lambda layer, x: x[:, : x.shape[1] - x.shape[1] % layer.block],
    ours.Identity: lambda layer, x: x,
    ours.Dense: lambda layer, x: F.linear(x, *_weights(layer)),
    ours.Pointwise: lambda layer, x: layer.module(x),
    ours.Flatten: lambda layer, x: x.flatten(2),
    ours.Unflatten: lambda layer, x: x.unflatten(2, layer.output_size),
    ours.GlobalAvgPool1d: lambda layer, x: (
        x.cumsum(1) / torch.arange(1, x.shape[1] + 1).view(-1, *[1] * (x.dim() - 2))
    ),
    ours.GlobalMaxPool1d: lambda layer, x: x.cummax(1).values,
    ours.Dropout1d: lambda layer, x: x,
}


def _weights(layer: Any) -> tuple[Tensor, Tensor | None]:
    inner = next(module for module in layer.modules() if isinstance(module, nn.Linear))
    return inner.weight, inner.bias
