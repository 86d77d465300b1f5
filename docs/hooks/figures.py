"""Figures drawn while the site is built, as SVG that follows light and dark.

A page asks for one with a comment: ``<!-- figure: NAME -->``.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

WIDTH, HEIGHT, MARGIN = 640, 250, 14


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the figures where the page asks for them."""
    return re.sub(r"<!-- figure: (\w+) -->", lambda found: FIGURES[found.group(1)](), markdown)


def hugging() -> str:
    """A random walk and the forecast that follows it, from afar."""
    price, predicted = walk_and_forecast()
    return figure(price[-400:], predicted[-400:], "400 steps: it looks like foresight.")


def shifted() -> str:
    """The same, near enough to see the shift."""
    price, predicted = walk_and_forecast()
    return figure(
        price[-18:], predicted[-18:], "The last 18 of them: every turn is foreseen one step late.", dots=True
    )


def walk_and_forecast() -> tuple[np.ndarray, np.ndarray]:
    """The walk of the page and a linear regression on its last 20 prices, on the last 30 %."""
    random = np.random.default_rng(0)
    price = 100 + 0.05 * np.cumsum(random.standard_normal(20_000))
    past = np.lib.stride_tricks.sliding_window_view(price[:-1], 20)
    design = np.column_stack([past, np.ones(len(past))])
    weights = np.linalg.lstsq(design[:14_000], price[20:][:14_000], rcond=None)[0]
    return price[20:][14_000:], (design @ weights)[14_000:]


def figure(price: np.ndarray, predicted: np.ndarray, caption: str, dots: bool = False) -> str:
    """Two lines over the same steps."""
    low, high = min(price.min(), predicted.min()), max(price.max(), predicted.max())
    x = MARGIN + np.linspace(0, WIDTH - 2 * MARGIN, len(price))

    def points(values: np.ndarray) -> list[tuple[float, float]]:
        y = HEIGHT - MARGIN - (values - low) / (high - low) * (HEIGHT - 2 * MARGIN)
        return list(zip(x.round(1).tolist(), y.round(1).tolist(), strict=True))

    marks = []
    for name, values in (("price", price), ("forecast", predicted)):
        line = " ".join(f"{a},{b}" for a, b in points(values))
        marks.append(f'<polyline class="line {name}" points="{line}"/>')
        if dots:
            marks += [f'<circle class="dot {name}" cx="{a}" cy="{b}" r="3.5"/>' for a, b in points(values)]
    drawing = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{caption}">{"".join(marks)}</svg>'
    key = '<span class="key price">price</span> <span class="key forecast">forecast</span>'
    return f'<figure class="drawn">{drawing}<figcaption>{key} {caption}</figcaption></figure>'


FIGURES = {"hugging": hugging, "shifted": shifted}
