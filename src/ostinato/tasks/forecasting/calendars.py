"""Choose the calendar features of a model by the spacing of the rows."""

from ...data.panel import Panel

DAY, WEEK, YEAR = 86_400.0, 7 * 86_400.0, 366 * 86_400.0
PERIODS = {"hour": DAY, "weekday": WEEK, "yearday": YEAR}
FEWEST = 10  # periods needed to learn one: three years teach three summers, not summer
MOST_STEPS = 3  # a period of fewer rows than this is no wave
MOST_KNOWN = 256  # numbers of the future that a step may be given


def calendar_parts(panel: Panel, horizon: int) -> tuple[str, ...]:
    """Parts of ``layers.Calendar`` that change from row to row and recur often enough to be learned.

    Of bars the hour alone, and only where the horizon is shorter than a day: prices have no seasons that last, but
    markets wake and sleep.
    """
    span = float(panel.time.max() - panel.time.min())
    step = span / max(len(panel) / len(panel.starts), 1)  # of calendar months too
    if panel.kind == "trades":
        return ()
    learnt = [
        part for part, period in PERIODS.items() if span >= FEWEST * period and step * MOST_STEPS <= period
    ]
    if panel.kind == "bars":
        return tuple(part for part in learnt if part == "hour" and horizon * step < DAY)
    return tuple(learnt)
