"""Sums of products, from which a linear regression is fitted and judged without its rows.

Axes: R rows, F features, H labels of a row.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..columns import Floats


@dataclass(frozen=True)
class Moments:
    """What is known of rows of features x (R, F) and labels y (R, H); memory does not grow with R."""

    rows: int
    x: Floats  # (F,) sum
    y: Floats  # (H,) sum
    xx: Floats  # (F, F) sum of products
    xy: Floats  # (F, H) sum of products
    yy: float  # sum of squares

    @classmethod
    def none(cls, features: int, labels: int) -> Self:
        """Of no rows."""
        zeros = np.zeros
        return cls(
            0, zeros(features), zeros(labels), zeros((features, features)), zeros((features, labels)), 0.0
        )

    @classmethod
    def of(cls, x: Floats, y: Floats) -> Self:
        """Those of rows x (R, F) and y (R, H)."""
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, float(np.vdot(y, y)))

    def __add__(self, other: Self) -> Self:
        """Those of both."""
        return type(self)(
            self.rows + other.rows,
            self.x + other.x,
            self.y + other.y,
            self.xx + other.xx,
            self.xy + other.xy,
            self.yy + other.yy,
        )

    def first(self, features: int) -> Self:
        """Those of the first features alone."""
        xx = self.xx[:features, :features]
        return type(self)(self.rows, self.x[:features], self.y, xx, self.xy[:features], self.yy)

    def ridge(self, strength: float) -> tuple[Floats, Floats]:
        """Weights (F, H) and bias (H,) of the least squared error plus a penalty on the weights.

            sum of squared errors + strength rows s |weights|²,   s the mean square of a feature

        Source:
            Hoerl and Kennard 1970, Technometrics 12, 55-67; the bias is not penalised.
        """
        from scipy.linalg import cho_factor, cho_solve  # late: it takes half as long to load as torch

        x, y = self.x / self.rows, self.y / self.rows
        products = self.xx / self.rows
        size = float(np.mean(np.diag(products))) or 1.0
        products = products - np.outer(x, x)
        products[np.diag_indices_from(products)] += strength * size
        weights = cho_solve(cho_factor(products), self.xy / self.rows - np.outer(x, y))
        return weights, y - x @ weights

    def squared_error(self, weights: Floats, bias: Floats) -> float:
        """Mean squared error of x weights + bias, over rows and labels; weights (F, H), bias (H,)."""
        fitted = np.vdot(weights, self.xx @ weights) + 2 * (self.x @ weights) @ bias + self.rows * bias @ bias
        crossed = np.vdot(weights, self.xy) + self.y @ bias
        return float(self.yy - 2 * crossed + fitted) / (self.rows * len(bias))
