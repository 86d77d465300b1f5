"""SVG marks with classes, so that a page's style gives the colours; a style of its own where there is no page."""

from collections.abc import Sequence
from html import escape

STYLE = "<style>{}</style>".format(
    "".join(
        (
            ".drawing{font:13px system-ui,sans-serif;max-width:100%;height:auto}",
            ".drawing rect{fill:none;stroke:currentColor;stroke-width:1.2}",
            ".drawing .layer{fill:#12686f22}",
            ".drawing .operation{fill:#d05f1622}",
            ".drawing .input{stroke-dasharray:3 3}",
            ".drawing text{fill:currentColor;text-anchor:middle;dominant-baseline:central}",
            ".drawing .name{font-size:10.5px;font-style:italic;opacity:.8}",
            ".drawing path,.drawing line{fill:none;stroke:currentColor;stroke-width:1.1;opacity:.55}",
            ".drawing circle{fill:currentColor;opacity:.25}",
            ".drawing .seen{stroke:#d05f16;fill:#d05f16;opacity:1}",
            ".drawing line.seen{stroke-width:1.6}",
            ".drawing .tip{fill:currentColor;stroke:none;opacity:.7}",
        )
    )
)


def rounded(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A box around a point."""
    return (
        f'<rect class="{kind}" x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="7"/>'
    )


def text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> str:
    """Words around a point, or from it on."""
    start = (f' class="{kind}"' if kind else "") + (
        f' style="text-anchor:{anchor}"' if anchor != "middle" else ""
    )
    return f'<text x="{x:.1f}" y="{y:.1f}"{start}>{escape(words)}</text>'


def arrow(points: Sequence[tuple[float, float]]) -> str:
    """A smooth line through points, with a tip at its end."""
    (x, y), *others = points
    way = [f"M{x:.1f} {y:.1f}"]
    for across, down in others:
        middle = (x + across) / 2
        way.append(f"C{middle:.1f} {y:.1f} {middle:.1f} {down:.1f} {across:.1f} {down:.1f}")
        x, y = across, down
    return f'<path d="{"".join(way)}"/><path class="tip" d="M{x:.1f} {y:.1f}l-7 -3.2v6.4z"/>'


def line(x: float, y: float, across: float, down: float, seen: bool) -> str:
    """A straight line, marked where it counts."""
    kind = ' class="seen"' if seen else ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{across:.1f}" y2="{down:.1f}"{kind}/>'


def dot(x: float, y: float, radius: float, seen: bool) -> str:
    """A point, marked where it counts."""
    kind = ' class="seen"' if seen else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"{kind}/>'


def figure(marks: str, width: float, height: float, caption: str) -> str:
    """The picture with what it shows in words."""
    words = escape(caption, quote=True)
    return (
        f'<figure class="drawn">{STYLE}<svg class="drawing" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'role="img" aria-label="{words}">{marks}</svg><figcaption>{words}</figcaption></figure>'
    )
