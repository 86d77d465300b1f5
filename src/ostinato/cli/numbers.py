"""Number formats of terminal tables. Imports nothing: listing runs must stay quick."""


def number(value: float | None) -> str:
    """Four decimals, or four significant digits for numbers below 1."""
    return format_or_dash(
        value, ".4g" if value is not None and (0 < abs(value) < 0.1 or abs(value) >= 1000) else ".4f"
    )


def format_or_dash(value: float | None, form: str, unit: str = "") -> str:
    """Format a number, or a dash for None."""
    return "-" if value is None else f"{value:{form}}{unit}"
