"""SVG marks with classes, so that a page's style gives the colours; a style of its own where there is no page."""

from collections.abc import Sequence
from html import escape

STYLE = "<style>{}</style>".format(
    "".join(
        (
            ".scroll{overflow-x:auto}",
            ".drawing{font:13px system-ui,sans-serif;display:block;margin:0 auto}",
            ".drawing rect{fill:none;stroke:currentColor;stroke-width:1.2}",
            ".drawing .layer{fill:#2b8a9233}",
            ".drawing .operation{fill:#d05f1633}",
            ".drawing .input{stroke-dasharray:3 3}",
            ".drawing text{fill:currentColor;dominant-baseline:central}",
            ".drawing .name{font-size:11.5px;font-style:italic;paint-order:stroke;stroke-width:3px;",
            "stroke-linejoin:round;stroke:var(--md-default-bg-color,Canvas)}",
            ".drawing path,.drawing line{fill:none;stroke:currentColor;stroke-width:1.1;opacity:.55}",
            ".drawing circle{fill:#98a4ab}",
            ".drawing .seen{stroke:#d9681c;fill:#d9681c;opacity:1}",
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
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{named} text-anchor="{anchor}">{escape(words)}</text>'


def arrow(points: Sequence[tuple[float, float]], down: bool = False) -> str:
    """A smooth line through points, with a tip at its end; it leaves and arrives to the right, or downwards."""
    (x, y), *others = points
    way = [f"M{x:.1f} {y:.1f}"]
    for across, below in others:
        middle = (y + below) / 2 if down else (x + across) / 2
        bends = (
            f"{x:.1f} {middle:.1f} {across:.1f} {middle:.1f}"
            if down
            else f"{middle:.1f} {y:.1f} {middle:.1f} {below:.1f}"
        )
        way.append(f"C{bends} {across:.1f} {below:.1f}")
        x, y = across, below
    tip = "l-3.2 -7h6.4z" if down else "l-7 -3.2v6.4z"
    return f'<path d="{"".join(way)}"/><path class="tip" d="M{x:.1f} {y:.1f}{tip}"/>'


def line(x: float, y: float, across: float, down: float, seen: bool) -> str:
    """A straight line, marked where it counts."""
    kind = ' class="seen"' if seen else ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{across:.1f}" y2="{down:.1f}"{kind}/>'


def dot(x: float, y: float, radius: float, seen: bool) -> str:
    """A point, marked where it counts."""
    kind = ' class="seen"' if seen else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"{kind}/>'


def figure(marks: str, width: float, height: float, caption: str) -> str:
    """The picture with what it shows in words. One that is wider than the page can be moved within its frame."""
    words = escape(caption, quote=True)
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return (
        f'<figure class="drawn module">{STYLE}<div class="scroll"><svg class="drawing" {size} role="img" '
        f'aria-label="{words}">{marks}</svg></div><figcaption>{words}</figcaption></figure>'
    )
