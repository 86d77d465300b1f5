"""Plots as plain JSON for plotly.js, with colours by name so that they follow the page.

A colour is the name of a CSS variable of page.css, "var(--ours)"; page.js puts in what it stands for, anew
when the scheme changes. All text goes through `plot_text`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .html import Markup, element, escaped

INK, SOFT, GRID = "var(--ink)", "var(--soft)", "var(--grid)"
OURS, OTHER, RIVAL = "var(--ours)", "var(--other)", "var(--rival)"
BAND = "var(--band)"
MOST_POINTS = 3_000  # of a trace

Trace = dict[str, Any]
Points = Sequence[Any] | np.ndarray


@dataclass(frozen=True)
class Figure:
    """A plot, and what it shows in words."""

    title: str
    summary: str  # read out in its place, and printed below it
    traces: list[Trace]
    x: dict[str, Any] = field(default_factory=dict)  # the axes, as plotly.js names their options
    y: dict[str, Any] = field(default_factory=dict)
    layout: dict[str, Any] = field(default_factory=dict)
    height: int = 320

    def markup(self, key: str) -> Markup:
        """The figure; its plot is drawn by page.js. ``key`` is an id on the page."""
        data = json_in_html(_without_tags({"data": self.traces, "layout": self._layout()}))
        return element(
            "figure",
            element("h3", self.title, id=f"{key}-title"),
            element(
                "div",
                element("noscript", element("p", "The plot needs JavaScript.", class_="absent")),
                class_="plot",
                id=key,
                role="img",
                style=f"height:{self.height}px",
                aria_labelledby=f"{key}-title",
                aria_describedby=f"{key}-words",
            ),
            element("figcaption", self.summary, id=f"{key}-words"),
            Markup(f'<script type="application/json" data-plot="{escaped(key)}">{data}</script>'),
        )

    def _layout(self) -> dict[str, Any]:
        axis = {
            "gridcolor": GRID,
            "zeroline": False,
            "linecolor": GRID,
            "tickcolor": GRID,
            "ticks": "outside",
            "ticklen": 4,
            "automargin": True,
        }
        return {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": SOFT, "size": 12.5},
            "margin": {"l": 8, "r": 12, "t": 8, "b": 8, "pad": 0},
            "xaxis": axis | {"showgrid": False} | _titled(self.x),
            "yaxis": axis | _titled(self.y),
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": 1.02,
                "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)",
                "itemclick": False,
                "itemdoubleclick": False,
            },
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": "var(--paper)", "bordercolor": GRID, "font": {"color": INK}},
            "bargap": 0.15,
            **self.layout,
        }


def _without_tags(value: Any, key: str = "") -> Any:
    """With no text left that plotly.js could take for a tag, whoever forgot `plot_text`; its templates are ours."""
    if isinstance(value, dict):
        return {name: _without_tags(part, name) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_tags(part, key) for part in value]
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
        return [_without_tags(part, key) for part in value.tolist()]
    return value.replace("<", "&lt;") if isinstance(value, str) and key != "hovertemplate" else value


def json_in_html(value: Any) -> Markup:
    """JSON that cannot end the script it lies in."""
    text = json.dumps(_plain(value), allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def line(x: Points, y: Any, name: str, color: str, **more: Any) -> Trace:
    """A line."""
    style = {"color": color, "width": more.pop("width", 1.6)}
    for key in ("dash", "shape"):
        if key in more:
            style[key] = more.pop(key)
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": style} | more


def marks(x: Points, y: Any, name: str, color: str, **more: Any) -> Trace:
    """Points."""
    style = {"color": color, "size": more.pop("size", 7), "symbol": more.pop("symbol", "circle")}
    style["line"] = {"color": color, "width": 1.5}
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "name": name, "marker": style} | more


def bars(x: Points, y: Any, name: str, color: str, **more: Any) -> Trace:
    """Bars."""
    return {"type": "bar", "x": x, "y": y, "name": name, "marker": {"color": color}} | more


def bands(x: Points, quantiles: np.ndarray, levels: np.ndarray, legend: bool = True) -> list[Trace]:
    """Central bands, the widest first, of quantiles (n, Q) at ascending levels (Q,); at most four of them.

    A NaN row interrupts them.
    """
    pairs = [(low, len(levels) - 1 - low) for low in range(len(levels) // 2)]
    if len(pairs) > 4:
        pairs = [pairs[place] for place in np.linspace(0, len(pairs) - 1, 4).round().astype(int)]
    shares = [f"{100 * (levels[high] - levels[low]):g}" for low, high in pairs]
    name = f"{', '.join(shares)} % band{'s' if len(shares) > 1 else ''}"
    edge = {"mode": "lines", "line": {"width": 0, "color": BAND}, "hoverinfo": "skip", "type": "scatter"}
    traces = []
    for place, (low, high) in enumerate(pairs):
        shown = legend and place == 0
        traces += [
            edge | {"x": x, "y": quantiles[:, low], "showlegend": False},
            edge
            | {"x": x, "y": quantiles[:, high], "name": name, "showlegend": shown}
            | {"fill": "tonexty", "fillcolor": BAND},
        ]
    return traces


def upright(x: Any, color: str = SOFT) -> dict[str, Any]:
    """A dashed vertical line, for ``layout["shapes"]``."""
    style = {"color": color, "width": 1, "dash": "dash"}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": style}


def level(y: float, color: str = SOFT) -> dict[str, Any]:
    """A dashed horizontal line, for ``layout["shapes"]``."""
    style = {"color": color, "width": 1, "dash": "dash"}
    return {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": y, "y1": y, "line": style}


def _titled(axis: dict[str, Any]) -> dict[str, Any]:
    title = axis.get("title")
    return axis if title is None else axis | {"title": {"text": title, "standoff": 8}}


def _plain(value: Any) -> Any:
    """Lists and numbers of Python's own; six digits are more than a screen shows; null for what is not finite."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
