"""Scrolling tables, and small blocks of facts."""

from collections.abc import Iterable, Mapping, Sequence

from .html import Content, Markup, element, joined
from .numbers import count, moment, percent

PARTS = ("train", "validation", "test")


def table(
    headings: Sequence[Content],
    rows: Iterable[tuple[Sequence[Content], bool]],
    caption: Content = None,
    words: Sequence[int] = (),
) -> Markup:
    """A table; the first cell of a row is its heading.

    Args:
        rows: cells, and whether the row is to be marked as ours.
        words: columns of text, set to the left.
    """
    kinds = ["words" if place in words else None for place in range(len(headings))]
    head = [element("th", text, scope="col", class_=kind) for text, kind in zip(headings, kinds, strict=True)]
    body = []
    for cells, ours in rows:
        first, *rest = cells
        body.append(
            element(
                "tr",
                element("th", first, scope="row"),
                *(element("td", cell, class_=kind) for cell, kind in zip(rest, kinds[1:], strict=True)),
                class_="ours" if ours else None,
            )
        )
    whole = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", element("tr", *head)),
        element("tbody", *body),
    )
    # what scrolls must be reachable from the keyboard
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label="Table")


def facts_table(facts: Mapping[str, Content]) -> Markup:
    """Names and what they are."""
    rows = [
        element("tr", element("th", name, scope="row"), element("td", value)) for name, value in facts.items()
    ]
    return element("table", element("tbody", *rows), class_="facts wide")


def key_figures(figures: Iterable[tuple[str, str, str]]) -> Markup:
    """A row of numbers: what it is, the number, a remark."""
    return element(
        "dl",
        *(
            element(
                "div", element("dt", name), element("dd", value, element("small", remark) if remark else None)
            )
            for name, value, remark in figures
        ),
        class_="figures",
    )


def split(parts: Mapping[str, tuple[int, float | None, float | None]]) -> Markup:
    """Rows and times of the parts, as a bar and as a table; each part is rows, first and last in seconds."""
    names = [name for name in PARTS if name in parts] + sorted(set(parts) - set(PARTS))
    total = sum(parts[name][0] for name in names) or 1
    bar = []
    for place, name in enumerate(names):
        share = parts[name][0] / total
        thin = "" if share >= 0.16 else " thin"
        style = f"flex:{max(share, 0.001):.4f} 1 0"
        bar.append(element("span", name, class_=f"p{min(place, 2)}{thin}", style=style))
    rows = [
        ([name, count(rows), percent(rows / total), moment(first), moment(last)], False)
        for name in names
        for rows, first, last in [parts[name]]
    ]
    return joined(
        element("div", *bar, class_="split", aria_hidden="true"),
        table(["part", "rows", "share", "first", "last"], rows),
    )


def listed(items: Iterable[Content]) -> Markup:
    """A list."""
    return element("ul", *(element("li", item) for item in items))


def absent(sentence: str) -> Markup:
    """Text in place of a section that is not available."""
    return element("p", sentence, class_="absent")
