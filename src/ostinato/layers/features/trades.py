"""Features of trades: stationary, computed from the present and the past only.

Axes: B batch, T trades, F features, K trades remembered.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ...core import SequenceLayer
from ...errors import ConfigError, ShapeError, shortened
from ..history import join_steps, keep_last
from ..sizes import sequence

COLUMNS = ("time", "price", "amount")
BASIS_POINT = 1e-4
FEW = 16  # steps for which one pass over each window costs less than a pass for each power of two
SMALLEST_AMOUNT = 1e-8  # a satoshi: keeps the logarithm of an amount of 0 finite


class TradeState(NamedTuple):
    """The last trades as they came, and how many of them there are yet."""

    trades: Tensor  # (B, K, 3) float64
    seen: Tensor  # (B,) int64, 0 to K


class TradeFeatures(SequenceLayer):
    """What one trade says beside the trades before it.

    Columns in: seconds since any origin, price, amount. They enter as float64 and are worked on as float64,
    because float32 resolves today's Unix time to 128 s; y has the dtype of the network
    (``.float()``, ``.double()``).

    Features out, in this order, r being the change of the logarithm of the price in basis points:

        the sign of r; arcsinh r; log(1 + seconds waited); log amount; log amount times the sign of r;
        then for each window of n trades arcsinh of the distance to its highest and from its lowest price.

    Before the first trade of a stream nothing is known: its change and waiting time are 0.

    Args:
        windows: lengths of the windows in trades, each at least 2.

    Shape:
        x (B, T, 3) float64, y (B, T, 5 + 2 * len(windows)).
        state.trades (B, K, 3), K the longest window less one.

    Raises:
        ConfigError: a window is shorter than 2, or no whole number.
        ShapeError: x is not float64.

    Source:
        Ours. The bounce between bid and ask that the sign carries: Roll 1984; distances to recent extremes
        stand for the two sides of the book, which trades alone do not show.
    """

    input_size: int
    output_size: int

    anchor: Tensor

    def __init__(self, windows: Sequence[int] = (8, 32, 128, 512)) -> None:
        super().__init__()
        windows = sequence("windows", windows, "whole numbers of trades")
        odd = [window for window in windows if type(window) is not int]
        if odd:
            raise ConfigError(f"windows must be whole numbers of trades, got {shortened(odd[0])}.")
        short = next((window for window in windows if window < 2), None)
        if short is not None:
            raise ConfigError(f"windows must be at least 2 trades long, got {short}.")
        self.windows = tuple(windows)
        self.receptive_field = max((2, *self.windows))  # a change looks at two trades, windows or not
        self.memory = int(self.receptive_field) - 1
        self.input_size = len(COLUMNS)
        self.output_size = 5 + 2 * len(self.windows)
        self.register_buffer("anchor", torch.empty(0), persistent=False)  # follows .to(): the network's dtype

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> TradeState:
        """Nothing seen. ``dtype`` does not matter: trades are kept as float64."""
        trades = torch.zeros(batch, self.memory, len(COLUMNS), dtype=torch.float64, device=device)
        return TradeState(trades, torch.zeros(batch, dtype=torch.int64, device=device))

    def output_dtype(self, dtype: torch.dtype | None) -> torch.dtype | None:
        """The network's."""
        return self.anchor.dtype

    def run(self, x: Tensor, state: TradeState, lengths: Tensor | None) -> tuple[Tensor, TradeState]:
        """All features at once."""
        buffer = join_steps(state.trades, x)
        arrived = x.shape[1] if lengths is None else lengths
        after = TradeState(
            keep_last(buffer, self.memory, lengths), (state.seen + arrived).clamp(max=self.memory)
        )
        if x.shape[1] == 0:
            return x.new_zeros(x.shape[0], 0, self.output_size, dtype=self.anchor.dtype), after
        known = torch.arange(buffer.shape[1], device=x.device) >= self.memory - state.seen[:, None]
        price = _log_price(buffer)
        columns = [*self._changes(buffer, price, known), *self._distances(price, known)]
        return torch.stack(columns, dim=-1).to(self.anchor.dtype), after

    def _changes(self, buffer: Tensor, price: Tensor, known: Tensor) -> list[Tensor]:
        """Five columns (B, T) that look at a trade and the one before it."""
        buffer, price, known = (part[:, self.memory - 1 :] for part in (buffer, price, known))
        time, amount = buffer[..., 0], buffer[:, 1:, 2]
        change = torch.where(known[:, :-1], price.diff(dim=1) / BASIS_POINT, 0.0)
        waited = torch.where(known[:, :-1], time.diff(dim=1), 0.0).clamp(min=0.0)
        size = amount.clamp(min=SMALLEST_AMOUNT).log()
        return [change.sign(), change.asinh(), waited.log1p(), size, change.sign() * size]

    def _distances(self, price: Tensor, known: Tensor) -> list[Tensor]:
        """Two columns (B, T) for each window."""
        now = price[:, self.memory :]
        columns = []
        for window in self.windows:
            start = self.memory + 1 - window
            near, seen = price[:, start:], known[:, start:]
            highest = _largest(torch.where(seen, near, -torch.inf), window)
            lowest = -_largest(torch.where(seen, -near, -torch.inf), window)
            columns += [((highest - now) / BASIS_POINT).asinh(), ((now - lowest) / BASIS_POINT).asinh()]
        return columns

    def _check_input(self, x: Tensor) -> None:
        super()._check_input(x)
        if x.dtype != torch.float64:
            raise ShapeError(
                f"trades must be float64, got {x.dtype}: float32 cannot hold times. Pass x.double()."
            )


def _log_price(buffer: Tensor) -> Tensor:
    """(B, K + T). Padding has price 0, whose logarithm would poison gradients even where it is not used."""
    price = buffer[..., 1]
    return torch.where(price > 0, price, 1.0).log()


def _largest(x: Tensor, window: int) -> Tensor:
    """The largest of every ``window`` neighbours: (B, T + window - 1) to (B, T)."""
    if x.shape[1] - window < FEW:
        return F.max_pool1d(x[:, None], window, stride=1)[:, 0]
    span = 1  # doubled until the window is full: log2(window) passes instead of ``window``
    while 2 * span <= window:
        x = torch.maximum(x[:, span:], x[:, :-span])
        span *= 2
    rest = window - span
    return torch.maximum(x[:, rest:], x[:, :-rest]) if rest else x
