"""Layers made of layers. Receptive field, latency and stride add up by themselves.

Axes: B batch, T time steps, I input features, O output features.
"""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...core import SequenceLayer, check_count, require_layers
from ...errors import ConfigError, StateError
from ..delay import waits_for
from ..steppers.combined import ChainStepper, ResidualStepper
from ..steppers.plain import IdentityStepper


class Combinator(SequenceLayer):
    """A layer whose state is a tuple of its layers' states. What is in it, each of them checks at its own door."""

    parts: int  # states in the tuple
    state_type: type[tuple[Any, ...]] = tuple

    @property
    def counts_steps(self) -> bool:
        """Whether one of its layers does."""
        return any(part.counts_steps for part in self.children() if isinstance(part, SequenceLayer))

    def _check_dtype(self, x: Tensor) -> None:
        pass

    def _measure(self) -> None:
        """``receptive_field`` by ``oldest`` and ``newest`` of every output of a block."""
        outputs = int(self.block / self.stride)
        self.receptive_field = max(
            self.newest(step) - self.oldest(step) + 1 for step in range(max(outputs, 1))
        )

    def _check_state(self, state: Any, x: Tensor) -> None:
        if not self.streams:
            super()._check_state(state, x)
        elif type(state) is not self.state_type or len(state) != self.parts:
            name = type(self).__name__
            raise StateError(f"this state is not one of {name}. Pass what it returned, or None to begin.")


class Ordered(Combinator):
    """Several layers in order; given by keyword, they are attributes of those names. The state is a tuple of theirs.

    Raises:
        ConfigError: no layer is given, something is no layer, or a name is taken.
    """

    def __init__(self, *layers: SequenceLayer, **named: SequenceLayer) -> None:
        super().__init__()
        kind = f"a {type(self).__name__.lower()}"
        require_layers(kind, *layers, *named.values())
        for name, layer in [*((str(place), layer) for place, layer in enumerate(layers)), *named.items()]:
            if hasattr(self, name):
                raise ConfigError(
                    f"a layer of {kind} cannot be called {name!r}: {kind} has an attribute of that name."
                )
            self.add_module(name, layer)
        if not self.layers:
            raise ConfigError(f"{kind} needs at least one layer, got none.")
        self.parts = len(self.layers)
        self.streams = all(layer.streams for layer in self.layers)

    @property
    def layers(self) -> list[SequenceLayer]:
        """The layers in order."""
        # not children(): that leaves out a layer that stands in two places
        return list(self._modules.values())  # type: ignore[arg-type]

    def reset_rows(self, state: Any, mask: Tensor) -> Any:
        """Layer by layer: their states may differ in dtype."""
        self._check_kind(state)
        if not self.streams:
            return state
        return tuple(layer.reset_rows(part, mask) for layer, part in zip(self.layers, state, strict=True))


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

    stepper_type = ChainStepper

    def __init__(self, *layers: SequenceLayer, **named: SequenceLayer) -> None:
        super().__init__(*layers, **named)
        self._add_up()
        self._measure()

    @property
    def block(self) -> int:
        """Steps after which every layer stands at the end of a block."""
        return self._block

    def oldest(self, step: int) -> float:
        """Through all layers, from the last to the first."""
        seen: float = step
        for layer in reversed(self.layers):
            seen = seen if math.isinf(seen) else layer.oldest(int(seen))
        return seen

    def newest(self, step: int) -> float:
        """Through all layers, where one looks ahead."""
        if self.streams:
            return super().newest(step)
        seen: float = step
        for layer in reversed(self.layers):
            seen = seen if math.isinf(seen) else layer.newest(int(seen))
        return seen

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

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """What the last layer gives."""
        for layer in self.layers:
            dtype = layer.output_dtype(dtype)
        return dtype

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Through all layers."""
        for place, layer in enumerate(self.layers):
            lengths = layer.out_lengths(lengths, state[place] if state else None)
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

    def _add_up(self) -> None:
        self._block, self.latency, self.stride, self.steps_out = 1, 0, Fraction(1), None
        sizes = [layer.input_size for layer in self.layers if layer.input_size is not None]
        self.input_size = sizes[0] if sizes else None
        size, within = None, ""
        for place, layer in enumerate(self.layers):
            if None not in (size, layer.input_size) and size != layer.input_size:
                raise ConfigError(
                    f"layer {place} of the chain ({type(layer).__name__}) takes {layer.input_size} features, "
                    f"the one before it gives {size}. Make them equal."
                )
            size = size if layer.output_size is None else layer.output_size
            self._block *= layer.block // math.gcd(int(self._block / self.stride), layer.block)
            if layer.latency and within:
                raise ConfigError(
                    f"layer {place} of the chain ({type(layer).__name__}) looks ahead, and those before it by {within}"
                    ", which does not fill their blocks: the end of a stream would lose steps. Make the latency before "
                    "the rate rises a multiple of the block."
                )
            self.latency += self._in_input_steps(place, layer)
            if layer.stride.denominator > 1 and self.latency % self._block:
                within = f"{self.latency} steps in blocks of {self._block}"
            self.stride *= layer.stride
            if self.steps_out is not None or layer.steps_out is not None:
                steps = torch.tensor([1 if self.steps_out is None else self.steps_out], device="cpu")
                self.steps_out = int(layer.out_lengths(steps))
        self.output_size = size
        self.takes_codes = self.layers[0].takes_codes

    def _in_input_steps(self, place: int, layer: SequenceLayer) -> int:
        """The latency of a layer in steps of the chain."""
        steps = layer.latency * self.stride
        if steps.denominator != 1:
            raise ConfigError(
                f"layer {place} of the chain ({type(layer).__name__}) looks ahead {layer.latency} of its steps, "
                f"which are {steps} of the chain's. Make its latency a multiple of {self.stride.denominator}."
            )
        return int(steps)


def _run_to_the_end(layers: list[SequenceLayer], x: Tensor, count: float) -> Tensor:
    """y of the last ``count`` steps of a chain; of all steps where a layer strides, looks ahead or sees everything."""
    plain = [layer.keeps_pace for layer in layers]
    for place, layer in enumerate(layers):
        needed = count + sum(follower.receptive_field - 1 for follower in layers[place + 1 :])
        cut = all(plain[place:]) and not math.isinf(needed)
        x = layer.tail(x, int(needed)) if cut else layer(x)[0]
    return x if math.isinf(count) else x[:, -int(count) :]


class ResidualState(NamedTuple):
    """What both paths remember."""

    body: Any
    shortcut: Any


class Residual(Combinator):
    """y = body(x) + shortcut(x). If the body looks ahead, the shortcut waits for it.

    Args:
        body: any layer.
        shortcut: a layer that gives as many features and as many steps; None passes x on as it is.

    Shape:
        x (B, T, I), y (B, T', O) of the body.

    Raises:
        ConfigError: the two paths differ in features, stride or latency.

    Source:
        He et al. 2015, arXiv:1512.03385, section 3.1, equations 1 and 2.
    """

    stepper_type = ResidualStepper

    def __init__(self, body: SequenceLayer, shortcut: SequenceLayer | None = None) -> None:
        super().__init__()
        require_layers("a residual", body, *([] if shortcut is None else [shortcut]))
        self.parts, self.state_type = 2, ResidualState
        self.body = body
        self.shortcut = shortcut or _waiting(body)
        self._check_paths()
        self.input_size, self.output_size = body.input_size, body.output_size
        self.stride, self.latency = body.stride, body.latency
        self.streams = body.streams and self.shortcut.streams
        self.steps_out, self.takes_codes = body.steps_out, body.takes_codes and self.shortcut.takes_codes
        self._measure()

    @property
    def block(self) -> int:
        """Steps after which both paths stand at the end of a block."""
        return self.body.block

    def oldest(self, step: int) -> float:
        """Of the path that sees further back."""
        return min(self.body.oldest(step), self.shortcut.oldest(step))

    def newest(self, step: int) -> float:
        """Of the path that looks further ahead."""
        return max(self.body.newest(step), self.shortcut.newest(step))

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """The initial states of both; () if one does not stream."""
        if not self.streams:
            return ()
        return ResidualState(
            self.body.initial_state(batch, dtype, device), self.shortcut.initial_state(batch, dtype, device)
        )

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Both paths over the same steps."""
        body, shortcut = state if self.streams else (None, None)
        y, body = self.body(x, body, lengths)
        short, shortcut = self.shortcut(x, shortcut, lengths)
        return y + short, ResidualState(body, shortcut) if self.streams else ()

    def tail(self, x: Tensor, count: int) -> Tensor:
        """Both paths at the last steps."""
        return self.body.tail(x, count) + self.shortcut.tail(x, count)

    def out_lengths(self, lengths: Tensor, state: Any = None) -> Tensor:
        """Those of the body."""
        return self.body.out_lengths(lengths, state.body if state else None)

    def flush(self, state: Any) -> Tensor:
        """What both paths owe; where they come in blocks, the one may owe more of a block than the other."""
        self._check_kind(state)
        if not self.latency:
            return super().flush(state)
        body, shortcut = self.body.flush(state.body), self.shortcut.flush(state.shortcut)
        steps = min(body.shape[1], shortcut.shape[1])
        return body[:, :steps] + shortcut[:, :steps]

    def reset_rows(self, state: Any, mask: Tensor) -> Any:
        """Both paths."""
        self._check_kind(state)
        if not self.streams:
            return state
        return ResidualState(
            self.body.reset_rows(state.body, mask), self.shortcut.reset_rows(state.shortcut, mask)
        )

    def _check_paths(self) -> None:
        body, shortcut = self.body, self.shortcut
        sizes = (body.output_size, shortcut.output_size or body.input_size)
        if None not in sizes and sizes[0] != sizes[1]:
            raise ConfigError(
                f"the body gives {sizes[0]} features, the shortcut {sizes[1]}. Pass a shortcut that maps "
                f"to {sizes[0]}, for example a Conv1d with kernel_size=1."
            )
        for name in ("stride", "latency", "block", "steps_out"):
            if getattr(body, name) != getattr(shortcut, name):
                raise ConfigError(
                    f"the body has {name} {getattr(body, name)}, the shortcut {getattr(shortcut, name)}. "
                    "Both paths must give the same steps."
                )
        if pace(body) != pace(shortcut):
            raise ConfigError(
                f"step by step the body gives {counted(pace(body))} steps in all, the shortcut "
                f"{counted(pace(shortcut))}. Both must give them at the same steps."
            )


def pace(layer: SequenceLayer) -> list[int]:
    """Steps that have come out after each step of a first block."""
    return [int(steps) for steps in layer.out_lengths(torch.arange(1, layer.block + 1, device="cpu"))]


def counted(steps: list[int]) -> str:
    """For people."""
    return ", ".join(map(str, steps))


def _waiting(body: SequenceLayer) -> SequenceLayer:
    """x itself, as late as the body and in blocks as large."""
    if body.stride != Fraction(1):
        raise ConfigError(f"the body has stride {body.stride}: pass a shortcut with the same stride.")
    size = body.input_size
    if size is None:
        if body.latency or body.block > 1:
            why = "latency" if body.latency else f"blocks of {body.block} steps"
            raise ConfigError(
                f"a body with {why} must say its input_size, so that the shortcut can wait for it."
            )
        return Identity()
    waits = waits_for(body)
    return Chain(*waits) if len(waits) > 1 else waits[0] if waits else Identity()


class Identity(SequenceLayer):
    """y = x."""

    stepper_type = IdentityStepper

    def run(self, x: Tensor, state: tuple[()], lengths: Tensor | None) -> tuple[Tensor, tuple[()]]:
        """Nothing to do."""
        return x, ()
