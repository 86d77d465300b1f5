"""The page of a run of any task: what it read, how it learnt, how well it did, and the tables that the task adds."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..runs.folder import RunFolder
from ..runs.format import RunConfig
from ..runs.predictions import read_frame
from ..runs.reading import read_lines
from ..runs.results import Results, read_results
from .facts import Facts
from .figures import Figure
from .html import Content, Markup, element, joined
from .numbers import number
from .page import Section, page
from .scores import figures_of, score_table
from .tables import absent, facts_table, listed, split, table
from .training_plots import learning_curves
from .wording import verdict_of

if TYPE_CHECKING:
    from ..experiment.task import Task

MOST_LINES = 100  # of a task's table


def task_page(folder: RunFolder, config: RunConfig, task: "Task[Any, Any]") -> bytes:
    """The whole file.

    Raises:
        BrokenRunError, RunError: the folder cannot be read.   ConfigError: plotly is not installed.
    """
    facts = Facts.of(config)
    results = read_results(folder.metrics) if os.path.lexists(folder.metrics) else None
    stopped = results.training.stopped if results else ""
    curves = learning_curves(read_lines(folder.log), stopped) or absent("There are no learning curves.")
    sections = [
        Section("data", "Input data", (_what_was_read(config),)),
        Section("split", "Data split", (_split(results),)),
        Section("training", "Training", (curves,)),
        Section("scores", "Model and baselines", (_scores(results, facts),)),
        Section("predictions", "Predictions", tuple(_tables(folder, task))),
    ]
    verdict = verdict_of(facts.model, results)
    lead = element(
        "header",
        element("h1", f"{config.task}: {facts.model}"),
        element("p", f"Made {config.created[:16].replace('T', ' ')} UTC", class_="kicker"),
        element("p", verdict.sentence, class_=f"verdict {verdict.tone}"),
        figures_of(results, verdict) if results else None,
    )
    return page(f"{config.task}: {facts.model}", lead, sections)


def _what_was_read(config: RunConfig) -> Markup:
    lines = listed(config.read) if config.read else absent("The run does not say what was read.")
    versions = ", ".join(f"{name} {version}" for name, version in config.versions.items())
    return joined(lines, facts_table({"task": config.task, "seed": str(config.seed), "versions": versions}))


def _split(results: Results | None) -> Content:
    if results is None or not results.parts:
        return absent("The run does not say what was trained, validated and tested on.")
    return split({name: (part.rows, part.first, part.last) for name, part in results.parts.items()})


def _scores(results: Results | None, facts: Facts) -> Content:
    if results is None:
        return absent("There is no table: metrics.json is missing, because the run is not finished.")
    return score_table(results, facts)


def _tables(folder: RunFolder, task: "Task[Any, Any]") -> Iterator[Content | Figure]:
    if not os.path.lexists(folder.predictions):
        yield absent("There are no predictions: predictions.parquet is missing.")
        return
    frame = read_frame(folder.predictions, task.columns)
    for title, part in task.tables(frame).items():
        yield element("h3", title)
        rows = [([_cell(value) for value in row], False) for row in part.head(MOST_LINES).iter_rows()]
        yield table(list(part.columns), rows)


def _cell(value: Any) -> str:
    return number(value) if isinstance(value, float) or value is None else str(value)
