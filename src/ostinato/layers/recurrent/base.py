"""The base class of recurrent layers: stacking, directions, regularisers, parameters, and a trace of the gates.

Parameters are named as in torch.nn (``weight_ih_l0``, ``bias_hh_l1_reverse``).

Axes: B batch, T time steps, I input features, H hidden features, L layers, D directions (1 or 2).
"""

import math
from typing import Any, ClassVar, TypedDict, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core import SequenceLayer, fill_padding, reverse_steps
from ...errors import ConfigError
from ...ops import recurrent as ops
from ...ops.recurrent import Cell, Parts
from ..options import yes_or_no
from ..sizes import at_least_one
from .dropout import LockedState, Zoneout, check_rate, check_zoneout, locked_mask


class RecurrentOptions(TypedDict, total=False):
    """What every recurrent layer can be asked for by keyword."""

    bias: bool
    bidirectional: bool
    reverse: bool
    residual: bool
    dropout: float
    input_dropout: float
    state_dropout: float
    weight_dropout: float
    zoneout: float | tuple[float, ...]


class Recurrent(SequenceLayer):
    """A cell repeated along time, in layers above each other.

    A subclass names its ``gates`` and its ``state_type``, and makes its ``cell`` of the parameters of one layer in one
    direction; ``ops.recurrent.run`` runs it on the fastest kernel for such a cell. Parameters beyond the usual four, or
    of other shapes, it names in ``shapes``; what these ask for is set before ``super().__init__``. Which gates hold the
    memory, for initialisations, is in ``retention_gates``; what no step changes, in ``constants``.

    Args:
        input_size: features per step, I.
        hidden_size: features of the state and of the output, H.
        num_layers: layers above each other, L.
        bias: whether the cell has biases.
        bidirectional: a second pass from the end of each row; then the layer needs the whole sequence.
        reverse: one pass, from the end of each row to its beginning; the layer needs the whole sequence.
        residual: each layer but the first adds its input to its output.
        dropout: rate between layers, drawn anew for each number.
        input_dropout: rate on what each layer reads, the first too; one mask for all steps of a sequence.
        state_dropout: rate on the hidden state as it enters the recurrent products; one mask for all steps.
        weight_dropout: rate on the recurrent weights, drawn anew for each call.
        zoneout: rate at which units keep their state; one number, or one for each field of the state.

    Shape:
        x (B, T, I), y (B, T, D * H), each field of the state (B, L, H).

    Raises:
        ConfigError: a size is below 1, a rate is not one, or both directions are asked for in reverse.
        StreamingError: a state is given to a layer that runs from the end.

    Source:
        Locked masks: Gal & Ghahramani 2015, arXiv:1512.05287, section 4. Dropped weights: Wan et al. 2013, DropConnect;
        on recurrent weights: Merity et al. 2017, arXiv:1708.02182, section 3. Zoneout: Krueger et al. 2016,
        arXiv:1606.01305. Residual layers: Wu et al. 2016, arXiv:1609.08144, section 3.1, from the second layer on.
    """

    gates: ClassVar[tuple[str, ...]]  # in the order of the rows of the weights
    state_type: ClassVar[type[Any]]
    constants: ClassVar[
        tuple[str, ...]
    ] = ()  # fields of the state that belong to the sequence: the last, (B, size)
    input_size: int
    output_size: int
    bounded: bool = True  # whether the output stays finite however many steps are run
    weight_hh_l0: Tensor

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, **options: Unpack[RecurrentOptions]
    ) -> None:
        super().__init__()
        at_least_one(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self._take(**options)
        self.output_size = self.sizes()[0] * len(self.directions)
        self.receptive_field = math.inf
        self.streams = not (self.bidirectional or self.reverse)
        for suffix in self.suffixes:
            self._add_weights(suffix)

    def cell(self, suffix: str) -> Cell:
        """The equations with the parameters of one layer in one direction, such as "l0" or "l1_reverse"."""
        raise NotImplementedError(f"{type(self).__name__} does not define cell().")

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters of one layer in one direction, for ``inputs`` features."""
        rows = len(self.gates) * self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, inputs),
            "weight_hh": (rows, self.sizes()[0]),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        return shapes

    def sizes(self) -> tuple[int, ...]:
        """Features of each field of the state."""
        return (self.hidden_size,) * len(self.state_type._fields)

    def parameter(self, name: str, suffix: str) -> Tensor | None:
        """A parameter of one layer in one direction, None where there is none."""
        found: Tensor | None = getattr(self, f"{name}_{suffix}", None)
        return found

    def weights(self, suffix: str) -> ops.Weights:
        """The usual four of one layer in one direction; while training, recurrent weights dropped out."""
        across = getattr(self, f"weight_ih_{suffix}")
        back = self.dropped("weight_hh", suffix)
        return ops.Weights(across, back, self.parameter("bias_ih", suffix), self.parameter("bias_hh", suffix))

    def dropped(self, name: str, suffix: str) -> Tensor:
        """A recurrent weight; while training, with some of it dropped out."""
        return F.dropout(getattr(self, f"{name}_{suffix}"), self.weight_dropout, self.training)

    def initialise(self, name: str, values: Tensor) -> None:
        """Fill a new parameter of this name in ``shapes``: evenly between ±1 / sqrt(H), as in torch."""
        bound = 1 / math.sqrt(self.hidden_size)
        values.uniform_(-bound, bound)

    @property
    def retention_gates(self) -> dict[str, int]:
        """Retention gates: an open one keeps the state (+1) or drops it (-1)."""
        return {}

    @property
    def suffixes(self) -> list[str]:
        """Endings of all parameters' names, as in torch: "l0", "l0_reverse" and so on."""
        return [f"l{layer}{direction}" for layer in range(self.num_layers) for direction in self.directions]

    @property
    def is_vanilla(self) -> bool:
        """Whether this is the bare recurrence, possibly stacked: a stepper can run nothing else."""
        return not (any(self.zoneout) or self.locked or self.residual)

    @property
    def locked(self) -> bool:
        """Whether masks belong to the state."""
        return self.streams and bool(self.input_dropout or self.state_dropout)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> Any:
        """Zeros, and the masks of a new sequence where dropout is locked; () if the layer needs the whole sequence."""
        if not self.streams:
            return ()
        dtype, device = dtype or self.weight_hh_l0.dtype, device or self.weight_hh_l0.device
        memory = self._zeros(batch, dtype, device)
        return LockedState(memory, *self._masks(batch, dtype, device)) if self.locked else memory

    def run(self, x: Tensor, state: Any, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Run the stacked layers."""
        return self._run(x, state, lengths, None)

    def trace(self, x: Tensor, state: Any = None, lengths: Tensor | None = None) -> tuple[Tensor, Any, Any]:
        """Call the layer and return every intermediate value too: each gate after its sigmoid, each state.

        The steps are run one by one, so this is slower than calling.

        Returns:
            y and the state as the layer returns them, and a NamedTuple of tensors (B, T, L, D * H), zero on padded
            steps. In a bidirectional layer the second half is the backward pass, at the steps that it refers to.
            They are what the cell computes; zoneout mixes its state with the one before afterwards.

        Raises:
            As calling the layer.

        >>> from ostinato.layers import LSTM
        >>> y, state, on_the_way = LSTM(3, 5, num_layers=2).trace(torch.zeros(4, 7, 3))
        >>> on_the_way._fields, tuple(on_the_way.forget.shape)
        (('input', 'forget', 'candidate', 'output', 'cell', 'hidden'), (4, 7, 2, 5))
        """
        x, state, lengths = self._validate(x, state, lengths)
        seen: list[Any] = []
        y, after = self._run(x, state, lengths, seen)
        stacked = [fill_padding(torch.stack(field, dim=2), lengths) for field in zip(*seen, strict=True)]
        return fill_padding(y, lengths), after, type(seen[0])(*stacked)

    def _run(
        self, x: Tensor, state: Any, lengths: Tensor | None, seen: list[Any] | None
    ) -> tuple[Tensor, Any]:
        inputs, hidden, memory = self._entered(x, state)
        stacked = len(memory) - len(self.constants)
        ends, start = [], 0
        for layer in range(self.num_layers):
            read = x if layer == 0 else F.dropout(x, self.dropout, self.training)
            if inputs is not None:
                read = read * inputs[:, None, start : start + x.shape[2]]
            start += x.shape[2]
            parts = (*(part[:, layer] for part in memory[:stacked]), *memory[stacked:])
            mask = None if hidden is None else hidden[:, layer]
            y, end, on_the_way = self._directions(read, parts, mask, layer, lengths, seen is not None)
            x = y + x if self.residual and layer > 0 else y
            ends.append(end)
            if seen is not None:
                seen.append(on_the_way)
        if not self.streams:
            return x, ()
        after = (torch.stack(parts, dim=1) for parts in list(zip(*ends, strict=True))[:stacked])
        memory = self.state_type(*after, *memory[stacked:])
        return x, state._replace(memory=memory) if self.locked else memory

    def _entered(self, x: Tensor, state: Any) -> tuple[Tensor | None, Tensor | None, Any]:
        """Masks of inputs and of hidden states, None where nothing is dropped, and the initial memory."""
        if self.streams and not self.locked:
            return None, None, state
        if self.locked:
            memory, inputs, hidden = state
        else:
            memory = self._zeros(len(x), x.dtype, x.device)
            if not (self.input_dropout or self.state_dropout):
                return None, None, memory
            inputs, hidden = self._masks(len(x), x.dtype, x.device)
        # in eval() a state that comes from train() brings its masks along
        return (
            inputs if self.training and self.input_dropout else None,
            hidden if self.training and self.state_dropout else None,
            memory,
        )

    def _directions(
        self,
        x: Tensor,
        parts: Parts,
        mask: Tensor | None,
        layer: int,
        lengths: Tensor | None,
        trace: bool,
    ) -> tuple[Tensor, Parts, Any]:
        """One layer, forward, backward or both; intermediate values only if ``trace``."""
        if self.streams:
            return self._scan(x, parts, mask, f"l{layer}", lengths, trace)
        # no end state is needed, so a bounded cell may run over the padding: it comes after the valid steps
        until = None if self.bounded and not trace else lengths
        backward = self._scan(
            reverse_steps(x, lengths), parts, mask, f"l{layer}{self.directions[-1]}", until, trace
        )
        turned = _reversed_back(backward, lengths)
        if self.reverse:
            return turned
        forward = self._scan(x, parts, mask, f"l{layer}", until, trace)
        beside = (
            [torch.cat(pair, dim=2) for pair in zip(forward[2], turned[2], strict=True)] if trace else None
        )
        y = torch.cat([forward[0], turned[0]], dim=2)
        return y, (), type(forward[2])(*beside) if beside else None

    def _scan(
        self, x: Tensor, parts: Parts, mask: Tensor | None, suffix: str, lengths: Tensor | None, trace: bool
    ) -> tuple[Tensor, Parts, Any]:
        rates = (*self.zoneout, *(0.0 for _ in self.constants))
        change = Zoneout(rates, self.training) if any(rates) else None
        cell = self.cell(suffix)
        seen: list[Any] | None = [] if trace else None
        y, after = ops.run(cell, x, parts, lengths, mask=mask, change=change, seen=seen)
        if seen is None:
            return y, after, None
        if not seen:  # no step, but the fields must be known
            _, end = cell.step(
                tuple(part[:, 0] for part in cell.project(x.new_zeros(len(x), 1, x.shape[2]), parts)),
                parts,
                parts[0],
            )
            return y, after, type(end)(*(field.new_zeros(len(x), 0, field.shape[1]) for field in end))
        return y, after, type(seen[0])(*(torch.stack(field, dim=1) for field in zip(*seen, strict=True)))

    def _take(
        self,
        *,
        bias: bool = True,
        bidirectional: bool = False,
        reverse: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        state_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        zoneout: float | tuple[float, ...] = 0.0,
    ) -> None:
        yes_or_no(bias=bias, bidirectional=bidirectional, reverse=reverse, residual=residual)
        if bidirectional and reverse:
            raise ConfigError(
                "bidirectional has a reverse pass already. Ask for one of bidirectional and reverse."
            )
        self.bias, self.bidirectional, self.reverse, self.residual = bias, bidirectional, reverse, residual
        self.dropout = check_rate("dropout", dropout)
        self.input_dropout = check_rate("input_dropout", input_dropout)
        self.state_dropout = check_rate("state_dropout", state_dropout)
        self.weight_dropout = check_rate("weight_dropout", weight_dropout)
        self.zoneout = check_zoneout(
            zoneout, [name for name in self.state_type._fields if name not in self.constants]
        )
        self.directions = ("", "_reverse") if bidirectional else ("",)

    def _masks(self, batch: int, dtype: torch.dtype, device: torch.device | str) -> tuple[Tensor, Tensor]:
        """Of the inputs of all layers beside each other, and of their hidden states."""
        inputs = self.input_size + (self.num_layers - 1) * self.output_size
        hidden = (batch, self.num_layers, self.sizes()[0])
        return (
            locked_mask((batch, inputs), self.input_dropout, self.training, dtype, device),
            locked_mask(hidden, self.state_dropout, self.training, dtype, device),
        )

    def _zeros(self, batch: int, dtype: torch.dtype, device: torch.device | str) -> Any:
        """The initial memory, a tensor of its own for each field: safetensors refuses two names for one."""

        def zeros(name: str, size: int) -> Tensor:
            shape = (batch, size) if name in self.constants else (batch, self.num_layers, size)
            return torch.zeros(shape, dtype=dtype, device=device)

        return self.state_type(*map(zeros, self.state_type._fields, self.sizes()))

    def _add_weights(self, suffix: str) -> None:
        first = suffix.split("_")[0] == "l0"
        for name, shape in self.shapes(self.input_size if first else self.output_size).items():
            values = torch.empty(shape)
            self.initialise(name, values)
            self.register_parameter(f"{name}_{suffix}", nn.Parameter(values))


def _reversed_back(run: tuple[Tensor, Parts, Any], lengths: Tensor | None) -> tuple[Tensor, Parts, Any]:
    """Put the steps of a backward pass into the order of x."""
    y, _, on_the_way = run
    fields = None if on_the_way is None else (reverse_steps(field, lengths) for field in on_the_way)
    return reverse_steps(y, lengths), (), None if fields is None else type(on_the_way)(*fields)
