"""The page of one run, in the order of a careful reader's questions."""

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from ..runs.folder import RunFolder
from ..runs.format import RunConfig, read_config
from ..runs.metric_table import definitions
from ..runs.reading import read_lines
from ..runs.results import Results, read_results
from . import direction_plots, error_plots, value_plots
from .facts import Facts, title_of
from .figures import Figure
from .forecasts import Forecasts, read_forecasts
from .html import Content, Markup, element, joined
from .numbers import count
from .page import Section, page
from .scores import figures_of, score_table
from .tables import absent, facts_table, listed, split
from .training_plots import learning_curves
from .wording import PROFIT, verdict_of

MOST_COLUMNS = 3  # of which forecasts are drawn


@dataclass(frozen=True)
class Read:
    """The inputs of a run's page."""

    config: RunConfig
    facts: Facts
    results: Results | None
    log: list[object]
    forecasts: Forecasts | None


def run_page(folder: RunFolder) -> bytes:
    """The whole file.

    Raises:
        BrokenRunError, RunError: the folder cannot be read.   ConfigError: plotly is not installed.
    """
    config = read_config(folder.config)
    facts = Facts.of(config)
    results = read_results(folder.metrics) if os.path.lexists(folder.metrics) else None
    read = Read(config, facts, results, read_lines(folder.log), read_forecasts(folder.predictions, facts))
    sections = [
        Section("data", "Input data", (_what_was_read(read),)),
        Section("split", "Data split", tuple(_split(read))),
        Section("training", "Training", tuple(_learning(read))),
        Section("scores", "Model and baselines", tuple(_scores(read))),
        Section("forecasts", "Forecasts and outcomes", tuple(_drawn(read))),
        Section("errors", "Errors by horizon, time and series", tuple(_errors(read))),
        Section("calibration", "Calibration", tuple(_calibration(read))),
        Section("residuals", "Residuals", tuple(_residuals(read))),
        Section("notes", "Notes", tuple(_notes(read))),
    ]
    return page(title_of(facts.target, facts.model), _lead(read), sections)


def _lead(read: Read) -> Markup:
    verdict = verdict_of(read.facts.model, read.results)
    made = element("span", f"{read.config.created[:16].replace('T', ' ')} UTC", class_="nowrap")
    about = f"Forecasts of {read.facts.question}, from {read.facts.source or 'a data file'}, made "
    return element(
        "header",
        element("h1", title_of(read.facts.target, read.facts.model)),
        element("p", about, made, class_="kicker"),
        element("p", verdict.sentence, class_=f"verdict {verdict.tone}"),
        figures_of(read.results, verdict) if read.results else None,
    )


def _what_was_read(read: Read) -> Markup:
    config, facts = read.config, read.facts
    columns = ", ".join(
        role if role == name else f"{role} from {name}" for role, name in config.columns.items()
    )
    known: dict[str, Content] = {
        "source": facts.source or None,
        "columns": columns or None,
        "target": facts.target,
        "foreseen": facts.question,
        "model": facts.model,
        "seed": str(config.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in config.versions.items()) or None,
    }
    lines = (
        listed(config.read)
        if config.read
        else absent("The run does not say what was read and what was guessed.")
    )
    return joined(lines, facts_table({name: value for name, value in known.items() if value}))


def _split(read: Read) -> Iterator[Content]:
    if read.results is None or not read.results.parts:
        yield absent("The run does not say which rows were trained, validated and tested on.")
        return
    yield split({name: (part.rows, part.first, part.last) for name, part in read.results.parts.items()})
    gap = f"{count(read.facts.horizon)} {read.facts.kind}{'s' if read.facts.horizon > 1 else ''}"
    yield element(
        "p",
        f"In the order of time. Left out between the parts: {gap}, as far as a label looks ahead. "
        "Nothing was fitted "
        "on validation or test rows; baselines were fitted on the rows that the model may use.",
        class_="note",
    )


def _learning(read: Read) -> Iterator[Content | Figure]:
    stopped = {"early": "no better for some time", "epochs": "all epochs were done"}
    why = read.results.training.stopped if read.results else ""
    figure = learning_curves(read.log, stopped.get(why, why))
    yield figure or absent("There are no learning curves: metrics.jsonl is missing or holds no loss.")


def _scores(read: Read) -> Iterator[Content]:
    if read.results is None:
        yield absent("There is no table: metrics.json is missing, because the run is not finished.")
    else:
        yield score_table(read.results, read.facts)


def _drawn(read: Read) -> Iterator[Content | Figure]:
    forecasts, facts = read.forecasts, read.facts
    if forecasts is None:
        yield absent("There are no forecasts to draw: predictions.parquet is missing or empty.")
        return
    series = 0 if len(forecasts.series) > 1 else None
    if series is not None:
        yield element(
            "p", f"Of {count(len(forecasts.series))} series the first is drawn: {forecasts.series[0]}."
        )
    if forecasts.direction:
        part = forecasts.part(series=series)
        yield direction_plots.stream(part, facts)
        yield direction_plots.drift(part, facts)
        if len(part.known):
            yield direction_plots.histogram(forecasts.whole)
        return
    if len(forecasts.columns) > MOST_COLUMNS:
        yield element("p", f"Of {count(len(forecasts.columns))} columns the first {MOST_COLUMNS} are drawn.")
    for column, name in enumerate(forecasts.columns[:MOST_COLUMNS]):
        name = name or facts.target
        yield value_plots.paths(forecasts, column, series, facts, name)
        for horizon in sorted({forecasts.horizons[0], forecasts.horizons[-1]}):
            part = forecasts.part(column, series, horizon)
            if len(part):
                yield value_plots.stretch(part, facts, name)
        if len(part):
            yield value_plots.overview(part, facts, name)


def _errors(read: Read) -> Iterator[Content | Figure]:
    forecasts = read.forecasts
    if forecasts is None or not len(forecasts.whole.known):
        yield absent(_UNKNOWN)
        return
    measure = _measure(read, forecasts)
    part = forecasts.part(0)
    if len(forecasts.columns) > 1:
        yield element("p", f"Of the column {forecasts.columns[0]}.")
    figures = [
        error_plots.by_horizon(part, measure, read.facts),
        *error_plots.by_clock(part, measure, read.facts),
        error_plots.by_series(forecasts, 0, measure),
    ]
    found = [figure for figure in figures if figure is not None]
    yield from found
    if not found:
        yield absent("There is one horizon, and the times say neither hours nor days.")


def _calibration(read: Read) -> Iterator[Content | Figure]:
    forecasts = read.forecasts
    if forecasts is None or not len(forecasts.whole.known):
        yield absent(_UNKNOWN)
    elif forecasts.direction:
        yield direction_plots.reliability_diagram(forecasts.whole)
    elif len(forecasts.whole.levels) < 2:
        yield absent("The forecasts are single numbers, which promise no coverage.")
    else:
        yield value_plots.coverage_by_level(forecasts.whole.known)
        yield value_plots.between_levels(forecasts.whole.known)


def _residuals(read: Read) -> Iterator[Content | Figure]:
    forecasts = read.forecasts
    if forecasts is None or not len(forecasts.whole.known):
        yield absent(_UNKNOWN)
        return
    series = 0 if len(forecasts.series) > 1 else None
    part = forecasts.part(0, series, forecasts.horizons[0])
    yield error_plots.residuals(part, read.facts) or absent(
        "There are too few rows, or errors are all alike."
    )


def _notes(read: Read) -> Iterator[Content]:
    names = [name.rpartition(".")[2] for name in read.results.test] if read.results else []
    terms = definitions(names)
    if terms:
        parts = [
            part for label, text in terms.items() for part in (element("dt", label), element("dd", text))
        ]
        yield joined(element("h3", "What the metrics are"), element("dl", *parts, class_="terms"))
    yield element("h3", "To do it again")
    yield element("pre", element("code", _command(read)))
    digest = read.config.data.get("digest")
    if isinstance(digest, str) and digest:
        yield element("p", "The data it was fitted on have the SHA-256 ", element("code", digest[:64]), ".")
    yield element("p", "Every other option is in config.json:", class_="screen")
    sections = {"data": read.config.data, "model": read.config.model, "training": read.config.training}
    for name, values in sections.items():
        text = json.dumps(values, indent=2, ensure_ascii=False)
        yield element(
            "details", element("summary", f"{name}, as in config.json"), element("pre", element("code", text))
        )
    if read.facts.target in ("direction", "return"):
        yield element("h3", "Skill is not profit")
        yield element("p", PROFIT)


def _command(read: Read) -> str:
    facts = read.facts
    words = ["ostinato", "fit", "forecast", facts.source or "DATA", "--target", facts.target]
    words += [
        "--horizon",
        str(facts.horizon),
        "--model",
        facts.model,
        "--seed",
        str(read.config.seed),
        "--out",
        "RUN",
    ]
    return shlex.join(words)


def _measure(read: Read, forecasts: Forecasts) -> str:
    if forecasts.direction:
        return "log_loss"
    return "mse" if read.results and read.results.measure == "mse" else "pinball"


_UNKNOWN = "This cannot be shown: predictions.parquet is missing, or does not say what happened."
