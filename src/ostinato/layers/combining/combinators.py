"""Base class of layers made of layers: receptive field, latency and stride are derived from the parts.

Axes: B batch, T time steps, I input features, O output features.
"""

from typing import Any

from torch import Tensor

from ...core import SequenceLayer, StepSet, newest, require_layers
from ...errors import ConfigError, StateError


class Combinator(SequenceLayer):
    """A layer whose state is a tuple of its layers' states. What is in it, each of them checks at its own door."""

    parts: int  # states in the tuple
    state_type: type[tuple[Any, ...]] = tuple

    @property
    def layers(self) -> list[SequenceLayer]:
        """The layers, in the order of the parts of the state."""
        raise NotImplementedError(f"{type(self).__name__} does not define layers.")

    def pack(self, states: list[Any]) -> Any:
        """The state of the states of all layers."""
        return self.state_type(states)

    def reset_rows(self, state: Any, mask: Tensor) -> Any:
        """Layer by layer: their states may differ in dtype."""
        self._check_kind(state)
        if not self.streams:
            return state
        parts = zip(self.layers, state, strict=False)  # a state may have a part for a layer that is left out
        return self.pack([layer.reset_rows(part, mask) for layer, part in parts])

    @property
    def counts_steps(self) -> bool:
        """Whether one of its layers does."""
        return any(part.counts_steps for part in self.children() if isinstance(part, SequenceLayer))

    def sees(self, step: int) -> StepSet:
        """What its layers see of one another, followed back to the input."""
        return self.sees_any(StepSet.of([step]))

    def sees_any(self, steps: StepSet) -> StepSet:
        """What its layers see of one another, followed back to the input."""
        raise NotImplementedError(f"{type(self).__name__} does not define sees_any().")

    def _check_dtype(self, x: Tensor) -> None:
        pass

    def _measure(self) -> None:
        """``receptive_field`` by what every output of a block sees.

        It counts back from the step that completes the output, or, of a layer that looks ahead, from the newest seen.
        """
        widest = 1.0
        for step in range(int(self.block / self.stride) or 1):
            seen = self.sees(step)
            last = newest(step, self.stride) if self.streams else seen.last
            widest = max(widest, last - seen.first + 1)
        self.receptive_field = widest

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
        for name, layer in [*((str(index), layer) for index, layer in enumerate(layers)), *named.items()]:
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
