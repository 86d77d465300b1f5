"""What the model is told of the calendar, chosen by how far apart the rows are."""

from ...data.panel import Panel

HOUR, DAY, MONTH, YEAR = 3600.0, 86_400.0, 31 * 86_400.0, 366 * 86_400.0
MOST_KNOWN = 256  # numbers of the future that a step may be given


def calendar_parts(panel: Panel) -> tuple[str, ...]:
    """Parts of ``layers.Calendar`` that change from row to row and come round often enough to be learnt."""
    span = float(panel.time.max() - panel.time.min())
    step = panel.step if panel.step is not None else (MONTH if panel.season in (4, 12) else 0.0)
    if panel.kind == "trades":
        return ()
    periods = {"hour": (DAY, HOUR * 12), "weekday": (7 * DAY, DAY), "yearday": (YEAR, MONTH * 3.1)}
    # a period is learnt from at least three of it, in steps that are fewer than it is long
    return tuple(
        part for part, (length, coarsest) in periods.items() if step <= coarsest and span >= 3 * length
    )
