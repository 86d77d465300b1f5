"""What reads raw columns, and what a forecast means."""

import math

import torch

from contract.inputs import bars, levels, trades
from contract.registry.case import Case
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    LSTM,
    Anchored,
    BarShape,
    Calendar,
    Chain,
    Columns,
    Dense,
    LevelFeatures,
    Output,
    Parallel,
    Point,
    Quantiles,
    Regression,
    RunningScale,
    StandardScaler,
    StudentT,
    ToNetwork,
    TradeFeatures,
)


def anchored(output: Output, location: bool = True) -> SequenceLayer:
    """Of the close of bars, or of its returns."""
    body = Chain(Columns(6, (1, 4, 5)), ToNetwork(3), StandardScaler(3), GRU(3, output.input_size))
    scale = Chain(Columns(6, (4,), log=not location), RunningScale(1, 4))
    return Anchored(body, output, scale, Columns(6, (4,)) if location else None)


def seen() -> SequenceLayer:
    """The features of bars."""
    close = Chain(Columns(6, (4,), log=True), LevelFeatures(1))
    return Parallel(close=close, shape=BarShape(6), calendar=Calendar(6, ("hour",)))


def regression() -> SequenceLayer:
    layer = Regression(3, 5)
    layer.take(torch.randn(5, 3), torch.randn(5))
    return layer


CASES: dict[str, Case] = {
    "Regression": Case(regression),
    "StandardScaler": Case(lambda: StandardScaler(3)),
    "TradeFeatures": Case(lambda: TradeFeatures((3, 5)), trades),
    "TradeFeatures-long": Case(lambda: TradeFeatures((2, 40)), trades),
    "TradeFeatures-plain": Case(lambda: TradeFeatures(()), trades),
    "Columns": Case(lambda: Columns(6, (4, 1)), bars),
    "Columns-log": Case(lambda: Columns(6, (4, 5), log=True, floor=1e-8), bars),
    "Calendar": Case(lambda: Calendar(6, ("minute", "hour", "weekday", "yearday"), 1e5), bars),
    "ToNetwork": Case(lambda: ToNetwork(2), levels),
    "RunningScale": Case(lambda: RunningScale(2, 4), levels),
    "RunningScale-ever": Case(lambda: RunningScale(2, math.inf), levels),
    "LevelFeatures": Case(lambda: LevelFeatures(2, (1, 5), (4, 16), (3, 9)), levels),
    "LevelFeatures-lags": Case(lambda: LevelFeatures(2, (2, 30), (), ()), levels),
    "LevelFeatures-means": Case(lambda: LevelFeatures(2, (), (4, math.inf), (), scale=6), levels),
    "LevelFeatures-volatilities": Case(lambda: LevelFeatures(2, (), (), (2, 8), scale=20), levels),
    "BarShape": Case(lambda: BarShape(6, halflife=5), bars),
    "Parallel-bars": Case(seen, bars),
    "Anchored-point": Case(lambda: anchored(Point(2)), bars),
    "Anchored-quantiles": Case(lambda: anchored(Quantiles(3, (0.1, 0.4, 0.6))), bars),
    "Anchored-free": Case(lambda: anchored(Quantiles(2, (0.1, 0.5, 0.6, 0.9), free=True)), bars),
    "Anchored-student": Case(lambda: anchored(StudentT(2)), bars),
    "Anchored-point-return": Case(lambda: anchored(Point(2), location=False), bars),
    "Anchored-quantiles-return": Case(lambda: anchored(Quantiles(2, (0.25, 0.75)), location=False), bars),
    "Anchored-free-return": Case(lambda: anchored(Quantiles(1, (0.2, 0.8), free=True), location=False), bars),
    "Anchored-student-return": Case(lambda: anchored(StudentT(1), location=False), bars),
    "Chain-trades": Case(
        lambda: Chain(
            features=TradeFeatures((3, 5)), scaler=StandardScaler(9), memory=LSTM(9, 4), head=Dense(4, 1)
        ),
        trades,
    ),
}
