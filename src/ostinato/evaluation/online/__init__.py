"""Online scores of live forecasts: constant memory and time per row, and no heavy imports.

direction.py   log-loss, Brier score, accuracy, AUC and reliability of a probability of up
values.py      pinball loss, CRPS, coverage, widths and PIT of quantiles
skill.py       the model beside each baseline, with an outcome
verdict.py     the verdict on the model, in a sentence
sequence.py    an interval for a mean that may be looked at after every row
baselines.py   the base class of online baselines
counting.py    the base rate and the table of signs, counting on
spreads.py     the random walk, constant quantiles, quantiles scaled by a volatility
parameters.py  fitted baselines as plain numbers, and back
costs.py       what a move would have to be to pay for fees and spread
sums.py        sums without rounding, the interval of a share
"""

from .baselines import OnlineBaseline
from .costs import MovesSummary, OnlineMoves, RollSpread, break_even_move
from .counting import OnlineBaseRate, OnlineSignTable
from .direction import DirectionSummary, ForecastScores, OnlineDirection, OnlineReliability, log_loss_of
from .parameters import ONLINE_BASELINES, counts_of, online_baseline, parameters_of
from .sequence import Bounds, ConfidenceSequence
from .skill import OnlineSkill, SkillSummary
from .spreads import OnlineConstantQuantiles, OnlineEwmaQuantiles, OnlineNaive
from .sums import Sum, wilson
from .values import OnlineValues, QuantileScores, ValuesSummary, pinball_of
from .verdict import judge_live

__all__ = [
    "ONLINE_BASELINES",
    "Bounds",
    "ConfidenceSequence",
    "DirectionSummary",
    "ForecastScores",
    "MovesSummary",
    "OnlineBaseRate",
    "OnlineBaseline",
    "OnlineConstantQuantiles",
    "OnlineDirection",
    "OnlineEwmaQuantiles",
    "OnlineMoves",
    "OnlineNaive",
    "OnlineReliability",
    "OnlineSignTable",
    "OnlineSkill",
    "OnlineValues",
    "QuantileScores",
    "RollSpread",
    "SkillSummary",
    "Sum",
    "ValuesSummary",
    "break_even_move",
    "counts_of",
    "judge_live",
    "log_loss_of",
    "online_baseline",
    "parameters_of",
    "pinball_of",
    "wilson",
]
