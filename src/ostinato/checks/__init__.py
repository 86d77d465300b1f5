"""The six promises of the contract, as checks that anyone can run on a layer of their own.

>>> from ostinato.checks import check_layer
>>> from ostinato.layers import GRU
>>> print(check_layer(GRU(3, 5)).summary())
GRU keeps the contract: 20 checks passed, 1 exempt.
"""

from .catalogue import CHECKS, Check
from .run import CheckReport, CheckResult, check_layer
from .subject import Draw, Subject

__all__ = ["CHECKS", "Check", "CheckReport", "CheckResult", "Draw", "Subject", "check_layer"]
