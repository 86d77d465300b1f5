"""HTML pages for people, from run folders and comparisons: one file each, offline, with plots.

    task_page.py      the page of a run of any other task
    run.py            the page of a forecast          scores.py           its table, beside baselines
    comparison.py     the page of a comparison   comparison_table.py, comparison_plots.py
    page.py           the file; page.css, page.js
    html.py           elements, safe by construction
    tables.py         tables and blocks of facts
    figures.py        plots as JSON, in colours of the page
    training_plots.py, value_plots.py, direction_plots.py, error_plots.py
    forecasts.py      predictions.parquet as arrays
    facts.py          config.json, as far as it says
    wording.py          metrics and verdicts in words
    numbers.py        numbers and times as text
    along.py          axes along a series

Folders may come from strangers: what is in them is text and numbers, never markup. Nothing here imports torch.
"""

from .write import write_report

__all__ = ["write_report"]
