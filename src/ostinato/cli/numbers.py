"""Numbers as the tables of a terminal show them. Imports nothing: listing runs must stay quick."""


def number(value: float | None) -> str:
    """Four digits after the point, or four that count where there is nothing before them."""
    return shown(
        value, ".4g" if value is not None and (0 < abs(value) < 0.1 or abs(value) >= 1000) else ".4f"
    )


def shown(value: float | None, form: str, unit: str = "") -> str:
    """A number in a form, or a dash for what does not exist."""
    return "-" if value is None else f"{value:{form}}{unit}"
