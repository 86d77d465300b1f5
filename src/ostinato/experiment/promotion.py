"""Promote the best trial of a search to a run, and evaluate it on the test part."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..evaluation import judge, scores_of
from ..runs.folder import RunFolder
from ..runs.reading import MAX_JSON_BYTES, MAX_LINES_BYTES, read_bytes
from ..runs.results import Results, read_results, write_results
from ..runs.tensors import read_tensors, write_tensors
from ..runs.tuning import TUNING, TunedTrial, Tuning, write_tuning
from ..runs.writing import write_bytes
from ..training import Finished
from .fitting import Fit, Trained, conclude
from .opening import open_run
from .search_folder import BEST, trial_folder
from .task import AnyTask

KEPT = 3  # trials whose weights are kept


def best_of(trials: Sequence[TunedTrial]) -> TunedTrial | None:
    """The complete trial with the lowest validation loss, the first of equals."""
    complete = [(trial.loss, trial.number, trial) for trial in trials if trial.loss is not None]
    return min(complete)[2] if complete else None


def tidy(folder: Path, trials: Sequence[TunedTrial]) -> None:
    """Delete all checkpoints, and the weights of all but the best few trials; every trial keeps its config and log.

    Raises:
        RunError: a file cannot be removed.
    """
    complete = sorted((trial.loss, trial.number) for trial in trials if trial.loss is not None)
    kept = {number for _, number in complete[:KEPT]}
    try:
        for trial in trials:
            run = RunFolder(trial_folder(folder, trial.number))
            run.checkpoint.unlink(missing_ok=True)
            if trial.number not in kept:
                run.weights.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"cannot write the folder {folder}: {error.strerror or error}.") from error


def promote_best(
    task: AnyTask, folder: Path, best: TunedTrial, summary: Tuning, data: Any, device: str
) -> tuple[Tuning, Fit]:
    """Evaluate the best trial on the test part, as a run, and write tune.json.

    Where an earlier session has judged the same trial, its results stand and only the correction changes; otherwise the
    test part is scored, and tune.json counts that first.

    Raises:
        BrokenRunError: files of the trial are missing or damaged.   RunError: the folder cannot be written.
    """
    finished = _finished(best)
    target = folder / BEST
    if summary.best == best.number and RunFolder(target).metrics.is_file():
        run = open_run(task, target, device)
        fit = Fit(run, finished, results=read_results(run.folder.metrics))
    else:
        counted = summary.model_copy(update={"best": None, "test_scored": summary.test_scored + 1})
        write_tuning(folder / TUNING, counted)
        _copy(task, RunFolder(trial_folder(folder, best.number)), target)
        run = open_run(task, target, device)
        fit = conclude(Trained(run, finished, task.folds(run.recipe, data)[0]), data)
        summary = counted
    assert fit.results is not None
    results = fit.results.model_copy(update={"trials": max(summary.searched, 1)})
    write_results(RunFolder(target).metrics, results)
    fit = replace(fit, results=results)
    summary = summary.model_copy(
        update={"best": best.number, "run": BEST} | verdict_fields(best.model, results)
    )
    write_tuning(folder / TUNING, summary)
    return summary, fit


def _copy(task: AnyTask, trial: RunFolder, target: Path) -> None:
    """A finished trial as a run that is not evaluated yet."""
    open_run(task, trial.path)  # refuses weights of another model before they are loaded a second time
    config = read_bytes(trial.config, MAX_JSON_BYTES)
    log = read_bytes(trial.log, MAX_LINES_BYTES)
    tensors, facts = read_tensors(trial.weights, finite=True)
    made = RunFolder.create(target, force=True)
    write_bytes(made.config, config)
    write_bytes(made.log, log)
    write_tensors(made.weights, tensors, facts)


def _finished(trial: TunedTrial) -> Finished:
    assert trial.loss is not None
    return Finished(trial.loss, trial.best_epoch, trial.epochs, trial.seconds, trial.stopped)


def verdict_fields(model: str, results: Results) -> dict[str, object]:
    """Fields of tune.json with the verdict on the best trial; p is corrected for the number of trials."""
    found = judge({model: scores_of(results)})[model]
    return {
        "best_baseline": found.best_baseline or "",
        "p_value": found.p_value,
        "corrected_p": found.corrected_p,
        "verdict": found.sentence,
    }
