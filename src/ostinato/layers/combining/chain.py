"""Chain: layers applied one after the other; strides, latencies and receptive fields add up.

Axes: B batch, T time steps, I input features, O output features.
"""

import itertools
import math
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from ...core import Ending, SequenceLayer, StepSet, check_count, class_name
from ...errors import ConfigError
from .combinators import Ordered


class Chain(Ordered):
    """One layer after the other.

    Args:
        layers: the layers in order; given by keyword, they are attributes of those names.

    Shape:
        x (B, T, I) of the first layer, y (B, T', O) of the last. The state is a tuple of the layers' states.

    Raises:
        ConfigError: no layer is given, one does not take what the one before it gives, or a name is taken.

    >>> from ostinato.layers import GRU, Conv1d
    >>> chain = Chain(front=Conv1d(3, 8, 4, stride=2), memory=GRU(8, 5))
    >>> chain.stride, chain.output_size
    (Fraction(2, 1), 5)
    """

    def __init__(self, *layers: SequenceLayer, **named: SequenceLayer) -> None:
        super().__init__(*layers, **named)
        self._set_up()

    @property
    def block(self) -> int:
        """Steps after which every layer stands at the end of a block."""
        return self._block

    def sees_any(self, steps: StepSet) -> StepSet:
        """Through all layers, from the last to the first."""
        for layer in reversed(self.layers):
            steps = layer.sees_any(steps)
        return steps

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """The layers' initial states; () if one of them does not stream."""
        if not self.streams:
            return ()
        states = []
        for layer in self.layers:
            states.append(layer.initial_state(batch, dtype, device))
            dtype = layer.output_dtype(dtype)
        return tuple(states)

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Hand y and its lengths on."""
        befores = state if self.streams else [None] * len(self.layers)
        afters = []
        for layer, before in zip(self.layers, befores, strict=True):
            x, after = layer(x, before, lengths)
            lengths = None if lengths is None else layer.out_lengths(lengths, before)
            afters.append(after)
        return x, tuple(afters) if self.streams else ()

    @property
    def reads_raw(self) -> bool:
        """Whether the first layer does, or one that what has no weights passes x on to."""
        for layer in self.layers:
            if layer.reads_raw or layer.takes_codes or next(layer.parameters(), None) is not None:
                return layer.reads_raw
        return False

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """What the last layer gives."""
        for layer in self.layers:
            dtype = layer.output_dtype(dtype)
        return dtype

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Through all layers."""
        for index, layer in enumerate(self.layers):
            lengths = layer.out_lengths(lengths, state[index] if state else None)
        return lengths

    def flush(self, state: Any) -> Tensor:
        """What each layer owes goes through those after it, which then give what they owe.

        Where the rate has gone down and up again, nothing comes of a block that is not complete: end with whole blocks.
        """
        self._check_kind(state)
        if not self.streams:
            return super().flush(state)
        owed = None
        for layer, before in zip(self.layers, state, strict=True):
            if owed is not None:
                owed, before = layer(owed, before)
            if layer.latency:
                tail = layer.flush(before)
                owed = tail if owed is None else torch.cat([owed, tail], dim=1)
        return super().flush(state) if owed is None else owed

    def end_after(self, before: Ending) -> Ending:
        """Layer by layer; one that looks ahead must not meet zeros in place of steps that a block holds back."""
        for index, layer in enumerate(self.layers):
            if layer.latency and before.loses:
                raise ConfigError(
                    f"layer {index} of the chain ({class_name(layer)}) looks ahead, and those before it by "
                    f"{before.latency} steps in blocks of {before.block}, which does not fill their blocks: the end of "
                    "a stream would lose steps. Make the latency before the rate rises a multiple of the block."
                )
            before = layer.end_after(before)
        return before

    def last(self, x: Tensor) -> Tensor:
        """The last layer may need less than all of its input."""
        self._check_input(x)
        *firsts, final = self.layers
        cut = final.keeps_pace  # otherwise its phase would be lost
        return final.last(_run_to_the_end(firsts, x, final.receptive_field if cut else math.inf))

    def tail(self, x: Tensor, count: int) -> Tensor:
        """Each layer is run on what those after it can see: a cone that opens towards the past."""
        check_count(count)
        self._check_input(x)
        return _run_to_the_end(self.layers, x, count)

    def _set_up(self) -> None:
        """Sizes and rates of all layers together, of which the last must come to something."""
        self._match_sizes()
        self._add_up()
        self._check_few_steps()
        if self.streams:
            self.end_after(Ending(self.block, self.block, Fraction(self.block)))
        self._measure()

    def _match_sizes(self) -> None:
        size = self.layers[0].input_size
        self.input_size, passed_on = size, size is None
        for index, layer in enumerate(self.layers):
            if None not in (size, layer.input_size) and size != layer.input_size:
                raise ConfigError(
                    f"layer {index} of the chain ({class_name(layer)}) takes {layer.input_size} features, "
                    f"the one before it gives {size}. Make them equal."
                )
            if passed_on and layer.input_size is not None:  # those before take any, and give as many
                self.input_size = size = layer.input_size
            size = size if layer.output_size is None else layer.output_size
            passed_on = passed_on and size is None
        self.output_size = size
        self.takes_codes = self.layers[0].takes_codes

    def _add_up(self) -> None:
        self._block, self.latency, self.stride, self.steps_out = 1, 0, Fraction(1), None
        for index, layer in enumerate(self.layers):
            self._block *= layer.block // math.gcd(int(self._block / self.stride), layer.block)
            self.latency += self._in_input_steps(index, layer)
            self.stride *= layer.stride
            if self.steps_out is not None:
                self.steps_out = int(layer.out_lengths(torch.tensor([self.steps_out], device="cpu")))
                if self.steps_out == 0:
                    raise ConfigError(
                        f"layer {index} of the chain ({class_name(layer)}) makes nothing of the few steps that come "
                        "to it from any sequence. Make its stride smaller, or let more steps come."
                    )
            elif layer.steps_out is not None:
                self.steps_out = layer.steps_out

    def _check_few_steps(self) -> None:
        """Refuse layers that look ahead beyond the few steps that an adaptive pool gives."""
        layers = _flat(self.layers)
        pools = [index for index, layer in enumerate(layers) if layer.steps_out is not None]
        for pool, end in itertools.pairwise([*pools, len(layers)]):
            _check_visible(layers[pool], layers[pool + 1 : end])

    def _in_input_steps(self, index: int, layer: SequenceLayer) -> int:
        """The latency of a layer in steps of the chain."""
        steps = layer.latency * self.stride
        if steps.denominator != 1:
            raise ConfigError(
                f"layer {index} of the chain ({class_name(layer)}) looks ahead {layer.latency} of its steps, "
                f"which are {steps} of the chain's. Make its latency a multiple of {self.stride.denominator}."
            )
        return int(steps)


def _flat(layers: list[SequenceLayer]) -> list[SequenceLayer]:
    """The layers of nested chains in one list."""
    return [
        part for layer in layers for part in (_flat(layer.layers) if isinstance(layer, Chain) else [layer])
    ]


def _check_visible(pool: SequenceLayer, after: list[SequenceLayer]) -> None:
    """Refuse layers after a pool whose outputs, as many as its few steps make, all lie before the first of these."""
    counts = [int(pool.steps_out or 0)]
    for layer in after:
        counts.append(int(layer.out_lengths(torch.tensor([counts[-1]], device="cpu"))))
    if counts[-1] == 0 or not after:  # refused elsewhere, or nothing comes after
        return
    wanted = StepSet.between(0, counts[-1] - 1)
    for layer, count in zip(reversed(after), reversed(counts[:-1]), strict=True):
        # what lies before the first step is a history of zeros, behind which nothing is seen
        wanted = layer.sees_any(wanted).within(0, count - 1)
    if not wanted:
        ahead = sum(layer.latency for layer in after)
        raise ConfigError(
            f"{class_name(pool)} in the chain gives {counts[0]} steps, and the layers after it look ahead {ahead}: no "
            "output would see any. Use a longer sequence, or leave the latency out."
        )


def _run_to_the_end(layers: list[SequenceLayer], x: Tensor, count: float) -> Tensor:
    """y of the last ``count`` steps of a chain; of all steps where a layer strides, looks ahead or sees everything."""
    plain = [layer.keeps_pace for layer in layers]
    for index, layer in enumerate(layers):
        needed = count + sum(follower.receptive_field - 1 for follower in layers[index + 1 :])
        cut = all(plain[index:]) and not math.isinf(needed)
        x = layer.tail(x, int(needed)) if cut else layer(x)[0]
    return x if math.isinf(count) else x[:, -int(count) :]
