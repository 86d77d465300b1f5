"""All checks, and the declared properties that excuse a layer from one."""

from collections.abc import Callable
from dataclasses import dataclass

from ..core import SequenceLayer
from . import chunks, cost, declared, future, padding, state, steps
from .subject import Subject


@dataclass(frozen=True)
class Check:
    """One small named check of one promise."""

    promise: int
    function: Callable[[Subject], None]
    excuse: Callable[[SequenceLayer], str | None]

    @property
    def name(self) -> str:
        """The function's."""
        return self.function.__name__

    @property
    def meaning(self) -> str:
        """What it says, in a sentence."""
        return (self.function.__doc__ or "").splitlines()[0]


def _never(layer: SequenceLayer) -> str | None:
    return None


def _whole(layer: SequenceLayer) -> str | None:
    return None if layer.streams else "streams = False"


def _streaming(layer: SequenceLayer) -> str | None:
    return "streams = True" if layer.streams else None


def _phased(layer: SequenceLayer) -> str | None:
    if layer.block == 1:
        parts = (part for part in layer.modules() if isinstance(part, SequenceLayer))
        within = next((f"block = {part.block} within" for part in parts if part.block > 1), None)
        return _whole(layer) or within
    return _whole(layer) or (f"stride = {layer.stride}" if layer.stride != 1 else f"block = {layer.block}")


def _bursts(layer: SequenceLayer) -> str | None:
    if layer.stride.denominator == 1 and layer.block == layer.stride.numerator:
        return _whole(layer)
    return _whole(layer) or (f"stride = {layer.stride}" if layer.stride != 1 else f"block = {layer.block}")


CHECKS = [
    Check(1, chunks.chunks_join, _whole),
    Check(1, chunks.gradients_join, _whole),
    Check(1, chunks.none_begins, _whole),
    Check(1, chunks.float32_joins_too, _whole),
    Check(1, steps.steps_equal_chunks, _bursts),
    Check(1, steps.copied_steppers_go_on, _bursts),
    Check(2, padding.padding_is_nothing, _never),
    Check(2, padding.rows_are_alone, _never),
    Check(2, padding.state_stops_at_length, _phased),
    Check(3, future.future_is_unseen, _whole),
    Check(4, declared.receptive_field_is_measured, _never),
    Check(4, declared.latency_is_measured, _whole),
    Check(4, declared.stride_is_measured, _never),
    Check(5, state.state_is_not_changed, _whole),
    Check(5, state.state_is_not_kept, _never),
    Check(5, state.state_is_saved, _whole),
    Check(5, state.rows_split_and_join, _whole),
    Check(5, state.rows_reset, _whole),
    Check(5, state.state_detaches, _whole),
    Check(5, state.whole_sequence_refuses_state, _streaming),
    Check(6, cost.state_stays_small, _whole),
]
