"""Align parallel paths of different latency: each is delayed to the largest."""

from ...core import SequenceLayer
from ...errors import ConfigError
from ..combining.chain import Chain
from ..delay import Delay


def in_step(**paths: SequenceLayer) -> dict[str, SequenceLayer]:
    """The same paths, those with less latency followed by a ``Delay``, so that all outputs refer to the same step.

    Raises:
        ConfigError: a path would have to wait for a part of one of its steps.
    """
    furthest = max(path.latency for path in paths.values())
    return {name: _waiting(name, path, furthest) for name, path in paths.items()}


def _waiting(name: str, path: SequenceLayer, furthest: int) -> SequenceLayer:
    steps = (furthest - path.latency) / path.stride
    if steps == 0 or path.output_size is None:
        return path
    if steps.denominator != 1:
        raise ConfigError(
            f"path {name!r} would have to wait {furthest - path.latency} steps, with a stride of {path.stride}. Make "
            "the latencies of all paths differ by a multiple of their stride."
        )
    wait = Delay(path.output_size, int(steps))
    return Chain(*path.layers, wait) if type(path) is Chain else Chain(path, wait)
