"""Compare models with each other and with all baselines, on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any

from ..data.folds import Fold, Window
from ..errors import ConfigError, DataError, OstinatoError, RunError
from ..evaluation import ModelScores, ModelVerdict, best_baseline, judge
from ..runs.comparison import COMPARISON, ComparedBaseline, ComparedModel, Comparison, write_comparison
from ..runs.format import utc_now
from ..runs.results import Results
from .evaluating import pooled
from .fitting import conclude, dry_run, parts_of, train
from .plan import PlannedComparison, plan_comparison
from .scores import BaselineScores, Ends, Metrics, RowMetrics, Scored, intervals_of, means
from .settings import read_lines
from .task import AnyTask
from .watching import Watch, unwatched


def compare(
    task: AnyTask,
    data: Any,
    out: Path | str,
    models: Sequence[str] | None = None,
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    folds: int | None = None,
    window: Window | None = None,
    device: str = "cpu",
    watch: Watch = unwatched,
    force: bool = False,
    resume: bool = False,
) -> Comparison:
    """Fit several models, evaluate them and all baselines on the same rows, and write a comparison folder.

    Of several seeds each metric is the (lower) median; intervals and tests are those of the seed that is the median by
    the measure. Of several folds all rows are judged together. The p-values of the tests against the best baseline
    are corrected for the number of models. A model that cannot be trained on these data is listed as failed.

    Args:
        data: as ``fit`` takes them.
        out: the folder. It must be new, unless ``force`` replaces the comparison or ``resume`` goes on with it.
        models: names in ``ostinato.models.MODELS``; None: all.
        options: fields of each model's config, by its name.
        training, recipe: fields for all models.
        seed: the first one; None: 0.   seeds: trainings of each model; None: 1.
        folds, window: as ``walk``; None: one fold.
        watch: gives a watcher for each training.

    Raises:
        ConfigError: a name or a field is wrong, or resuming meets another one than the comparison was begun with.
        DataError: the data cannot be used.   RunError: the folder cannot be used.
        OstinatoError: no model could be trained; the reason of the first.
        KeyboardInterrupt: someone pressed Ctrl-C; what was done is kept, and ``resume`` goes on with it.
    """
    planned = plan_comparison(
        task,
        out,
        models,
        options=options,
        training=training,
        recipe=recipe,
        seed=seed,
        seeds=seeds,
        folds=folds,
        window=window,
        force=force,
        resume=resume,
    )
    return compare_planned(planned, task.read(data, planned.recipe), device=device, watch=watch)


def compare_planned(
    planned: PlannedComparison, data: Any, *, device: str = "cpu", watch: Watch = unwatched
) -> Comparison:
    """``compare`` with a plan that was made before the data were read."""
    planned.check_data(data)
    work = _Work(planned, data, device, watch)
    if planned.force:
        _dry_run(work)
    planned.begin(data)
    reached, failed = _fit_all(work)
    comparison = _judged(work, reached, failed)
    write_comparison(planned.folder / COMPARISON, comparison)
    return comparison


class _Work:
    """What all training runs of a comparison share."""

    def __init__(self, planned: PlannedComparison, data: Any, device: str, watch: Watch) -> None:
        plan = planned.plan
        self.task = planned.task
        self.planned, self.data, self.device, self.watch = planned, data, device, watch
        self.folds: list[Fold] = self.task.folds(planned.recipe, data, plan.folds, plan.window)
        _, self.recipe = planned.settings(plan.models[0], plan.seed, 0).of(data, self.folds[0])
        self.measure = self.task.measure(self.recipe)
        self._baselines: dict[int, BaselineScores] = {}  # of each fold, for all models
        self._extra_files: dict[int, dict[str, Any]] = {}  # of the runs of each fold

    def baselines(self, place: int) -> BaselineScores:
        """Baseline scores of a fold, fitted once."""
        if place not in self._baselines:
            fold = self.folds[place]
            rows = self.task.labelled(self.recipe, self.data, fold.test)
            with self.watch("baselines"):
                self._baselines[place] = self.task.baselines(self.recipe, self.data, rows, fold)
        return self._baselines[place]

    def extra_files(self, place: int) -> dict[str, Any]:
        """Additional files of the runs of one fold, made when they are first needed."""
        if place not in self._extra_files:
            self._extra_files[place] = self.task.extra_files(self.recipe, self.data, self.folds[place])
        return self._extra_files[place]

    def intervals(self, scored: Scored, columns: RowMetrics) -> dict[str, Ends]:
        """Confidence intervals of the metrics on the scored rows."""
        moments = self.task.moments(self.data, scored.rows)
        return intervals_of(columns, self.task.horizon(self.recipe), moments)


@dataclass(frozen=True)
class _Seed:
    """One seed of a model on all folds."""

    scored: Scored
    results: list[Results]

    @property
    def metrics(self) -> Metrics:
        return self.scored.metrics


def _dry_run(work: _Work) -> None:
    """Refuse data that no model can be trained on, before an existing comparison is replaced."""
    first: OstinatoError | None = None
    for name in work.planned.plan.models:
        try:
            for fold in work.folds:
                settings = work.planned.settings(name, work.planned.plan.seed, 0)
                dry_run(settings, work.data, fold, work.device)
        except DataError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


def _fit_all(work: _Work) -> tuple[dict[str, list[_Seed]], dict[str, str]]:
    """Results of every model by seed, and the errors of models that failed."""
    reached: dict[str, list[_Seed]] = {}
    failed: dict[str, str] = {}
    first: OstinatoError | None = None
    plan = work.planned.plan
    for name in plan.models:
        try:
            reached[name] = [
                _fit_folds(work, name, seed) for seed in range(plan.seed, plan.seed + plan.seeds)
            ]
        except (ConfigError, RunError):  # of the command, not of the model
            raise
        except OstinatoError as error:
            failed[name] = str(error)[:2000]
            first = first or error
    if not reached and first is not None:
        raise first
    return reached, failed


def _fit_folds(work: _Work, name: str, seed: int) -> _Seed:
    plan = work.planned.plan
    scores, results = [], []
    for place, fold in enumerate(work.folds):
        which = f" seed {seed}" * (plan.seeds > 1) + f" fold {place + 1}/{plan.folds}" * (plan.folds > 1)
        settings = work.planned.settings(name, seed, place)
        with work.watch(name + which) as watcher:
            trained = train(settings, work.data, fold=fold, device=work.device, watcher=watcher)
        if trained.finished.stopped == "interrupted":
            raise KeyboardInterrupt
        done = conclude(trained, work.data, work.baselines(place), work.extra_files(place))
        assert done.evaluation is not None
        assert done.results is not None
        scores.append(done.evaluation.scored)
        results.append(done.results)
    return _Seed(pooled(work.task, work.recipe, work.data, scores), results)


def _judged(work: _Work, reached: dict[str, list[_Seed]], failed: dict[str, str]) -> Comparison:
    plan, task, data, recipe, measure = work.planned.plan, work.task, work.data, work.recipe, work.measure
    middle = {name: _median(seeds, measure) for name, seeds in reached.items()}
    one = next(iter(middle.values())).scored
    baselines = {
        name: ComparedBaseline(
            test=means(columns),
            intervals=work.intervals(one, columns),
            settings=one.settings.get(name, ""),
        )
        for name, columns in one.baselines.items()
    }
    theirs = {name: found.test for name, found in baselines.items()}
    verdicts = judge(
        {
            name: ModelScores(measure, found.metrics, theirs, found.scored.skill)
            for name, found in middle.items()
        }
    )
    models = {
        name: _model(work, name, reached[name], middle[name].scored, verdicts[name])
        if name in reached
        else ComparedModel(failed=failed[name])
        for name in plan.models
    }
    return Comparison(
        task=task.name,
        created=utc_now(),
        source=data.report.source,
        read=read_lines(data, task.notes(data, task.folds(work.planned.recipe, data)[0])),
        target=task.subject(recipe),
        horizon=task.horizon(recipe),
        measure=measure,
        loss_name=task.loss_name(recipe),
        folds=plan.folds,
        window=plan.window,
        parts=parts_of(task, data, work.folds[-1]),
        rows_scored=len(one.rows),
        best_baseline=best_baseline(measure, theirs, one.skill) or "",
        compared=sum(verdict.corrected_p is not None for verdict in verdicts.values()),
        models=models,
        baselines=baselines,
    )


def _median(seeds: list[_Seed], measure: str) -> _Seed:
    """The median seed by the measure, the better one of two."""
    ordered = sorted(seeds, key=lambda seed: _or_infinite(seed.metrics.get(measure)))
    return ordered[(len(ordered) - 1) // 2]


def _model(
    work: _Work, name: str, seeds: list[_Seed], scored: Scored, verdict: ModelVerdict
) -> ComparedModel:
    plan = work.planned.plan
    every = [results for seed in seeds for results in seed.results]
    steps = [results.model.step_us for results in every if results.model.step_us is not None]
    return ComparedModel(
        test={metric: _median_metric(seeds, metric) for metric in scored.metrics},
        intervals=work.intervals(scored, scored.columns),
        parameters=every[0].model.parameters,
        seconds=median_low([sum(results.training.seconds for results in seed.results) for seed in seeds]),
        step_us=median_low(steps) if steps else None,
        skill=scored.skill,
        corrected_p=verdict.corrected_p,
        runs=[
            work.planned.run(name, seed, fold)
            for seed in range(plan.seed, plan.seed + plan.seeds)
            for fold in range(plan.folds)
        ],
        verdict=verdict.sentence,
    )


def _median_metric(seeds: list[_Seed], metric: str) -> float | None:
    values = [seed.metrics[metric] for seed in seeds]
    known = [value for value in values if value is not None]
    return median_low(known) if known and len(known) == len(values) else None


def _or_infinite(value: float | None) -> float:
    return float("inf") if value is None else value
