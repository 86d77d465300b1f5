"""Hyperparameter search on the validation part alone; the best trial is evaluated once on the test part.

    found = tune("trades.csv", "runs/tuned", model="lstm", trials=30)
    found.run, found.results, found.summary.verdict

    OUT/study.journal   every trial, in Optuna's format (``optuna.storages.journal.JournalFileBackend`` reads it)
    OUT/tune.json       what was searched and found: ``runs.tuning``
    OUT/trials/NNN      config.json and metrics.jsonl of each trial; weights of the best few
    OUT/best            the run of the best trial, judged: its very weights, not trained again

The best of many looks good by chance, on validation and on the test part. So the test part is scored for one trial
only, and the p-value is corrected for the number that were tried.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import ConfigError, DataError
from ..runs.results import Results
from ..runs.tuning import TunedTrial, Tuning
from .evaluating import Evaluation
from .promotion import best_of, promote_best, tidy
from .search import SearchPlan, begin, check_data, plan_search, summary_of
from .search_folder import JOURNAL, clear
from .space import sections
from .study import Study, lock_folder
from .task import AnyTask, Run
from .trial import TrialRequest, TrialResult, train_trial
from .workers import Workers

# called with a finished trial, the best one so far, and the number of finished trials
OnTrial = Callable[[TunedTrial, TunedTrial | None, int], None]


@dataclass(frozen=True)
class Tuned:
    """Result of a search; if it was interrupted, only the summary."""

    summary: Tuning
    run: Run[Any] | None = None
    results: Results | None = None
    evaluation: Evaluation | None = None  # None too where an earlier session evaluated the same trial


def tune(
    task: AnyTask,
    data: Any,
    out: Path | str,
    model: str | Sequence[str] | None = None,
    trials: int | None = None,
    *,
    jobs: int = 1,
    seconds: float | None = None,
    options: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    recipe: Mapping[str, Any] | None = None,
    seed: int | None = None,
    device: str = "cpu",
    threads: int = 1,
    force: bool = False,
    resume: bool = False,
    on_trial: OnTrial | None = None,
) -> Tuned:
    """Search the configuration with the lowest validation loss, and evaluate it on the test part.

    The first trial has the defaults, so that the best one is no worse than they are on the validation part. A search
    with one job, the same seed and the same data gives the same trials, killed and resumed or not.

    Args:
        data: as ``fit`` takes them.
        out: the folder of the search. It must be new, unless ``force`` replaces the search or ``resume`` continues
            it.
        model: a name, or several to choose from; None is the search's own when resuming, otherwise "lstm".
        trials: how many configurations to try, those of earlier sessions included; None: as before, or 30.
        jobs: processes side by side.
        seconds: after which no further trial begins.
        options, training: fields of the models' configs and of ``TrainingConfig`` that are fixed, not searched.
        recipe: fields of ``Recipe``.
        threads: of each further process; this one's are torch's own setting.
        on_trial: is called after each trial.

    Raises:
        ConfigError: a name or a field is wrong, nothing is left to search, or Optuna is not installed.
        DataError: the data cannot be used, or resuming meets others.
        RunError: the folder cannot be used.   BrokenRunError: the search in it is damaged or hostile.
    """
    plan = plan_search(
        task, Path(out), model, trials, options, training, recipe, seed, force=force, resume=resume
    )
    return tune_planned(
        plan,
        task.read(data, plan.recipe),
        jobs=jobs,
        seconds=seconds,
        device=device,
        threads=threads,
        on_trial=on_trial,
    )


def tune_planned(
    plan: SearchPlan,
    data: Any,
    *,
    jobs: int = 1,
    seconds: float | None = None,
    device: str = "cpu",
    threads: int = 1,
    on_trial: OnTrial | None = None,
) -> Tuned:
    """``tune`` with a plan that was made before the data were read."""
    check_session(jobs, seconds)
    check_data(plan, data)
    with lock_folder(plan.folder):
        before = begin(plan, data)
        search = Study(plan.folder / JOURNAL, plan.spaces, plan.settings.seed)
        session = Session(plan, search, data, device, seconds, on_trial)
        try:
            session.run(jobs, threads)
        except DataError:
            if session.ended == 0:  # there is nothing to resume
                clear(plan.folder)
            raise
        summary = summary_of(before, plan.folder, search)
        if session.interrupted:
            return Tuned(summary)
        return _judged(plan, search, summary, data, device)


def check_session(jobs: int, seconds: float | None) -> None:
    """Validate the options of a session; raises ConfigError."""
    if not 1 <= jobs <= 1024:
        raise ConfigError(f"jobs must be 1 to 1,024 processes, got {jobs}.")
    if seconds is not None and not seconds > 0:
        raise ConfigError(f"seconds must be above 0, got {seconds:g}.")


def _judged(plan: SearchPlan, search: Study, summary: Tuning, data: Any, device: str) -> Tuned:
    best = best_of(search.trials())
    if best is None:
        reasons = [trial.failed for trial in search.trials() if trial.failed]
        why = f": {reasons[0]}" if reasons else "."
        raise DataError(f"none of {summary.searched:,} trials could be trained{why}")
    summary, fit = promote_best(plan.task, plan.folder, best, summary, data, device)
    return Tuned(summary, fit.run, fit.results, fit.evaluation)


class Session:
    """One session of a search: it runs trials until there are enough, the time is over, or Ctrl-C is pressed."""

    def __init__(
        self,
        plan: SearchPlan,
        search: Study,
        data: Any,
        device: str,
        seconds: float | None,
        on_trial: OnTrial | None,
    ) -> None:
        import time

        self.plan, self.search, self.data, self.device, self.on_trial = plan, search, data, device, on_trial
        self.clock = time.monotonic
        self.until = None if seconds is None else self.clock() + seconds
        trials = search.trials()
        self.ended = len(trials)
        clear(plan.folder, kept=frozenset(trial.number for trial in trials))  # remains of a killed session
        self.interrupted = False

    def run(self, jobs: int, threads: int) -> None:
        """Run trials. After Ctrl-C the finished ones are kept."""
        jobs = min(jobs, self.plan.settings.trials - self.ended)
        try:
            if jobs > 1:
                self._side_by_side(jobs, threads)
            elif jobs == 1:
                self._one_by_one()
        except KeyboardInterrupt:
            self.interrupted = True

    def _more(self, under_way: int) -> bool:
        late = self.until is not None and self.clock() >= self.until and self.ended + under_way > 0
        return self.ended + under_way < self.plan.settings.trials and not late

    def _one_by_one(self) -> None:
        while self._more(0) and not self.interrupted:
            trial, order = self._next()
            should_prune = partial(self.search.should_prune, trial)
            self._end(trial, train_trial(self.plan.task, order, self.data, should_prune, self.device))

    def _side_by_side(self, jobs: int, threads: int) -> None:
        trials: dict[int, Any] = {}
        with Workers(jobs, self.plan.task, self.plan.folder, self.data, self.device, threads) as workers:
            while True:
                while workers.free and self._more(len(trials)):
                    trial, order = self._next()
                    trials[order.number] = trial
                    workers.begin(order)
                if not trials:
                    return
                event = workers.wait()
                if event.outcome is None:
                    end = self.search.should_prune(trials[event.number], event.step, event.loss)
                    workers.answer(event.number, end)
                else:
                    self._end(trials.pop(event.number), event.outcome)

    def _next(self) -> tuple[Any, TrialRequest]:
        trial, model, values = self.search.ask()
        drawn, settings = sections(values), self.plan.settings
        order = TrialRequest(
            number=trial.number,
            out=str(self.plan.trial(trial.number)),
            model=model,
            options=settings.models[model] | drawn["model"],
            training=settings.training | drawn["training"],
            recipe=dict(settings.data),
            seed=settings.seed,
        )
        return trial, order

    def _end(self, trial: Any, outcome: TrialResult) -> None:
        hopeless = outcome.refused and self.ended == 0  # not even the defaults can be trained
        if outcome.state == "interrupted" or hopeless:
            self.search.forget(trial)
            self.interrupted = not hopeless
            if hopeless:
                raise DataError(str(outcome.failed))
            return
        self.search.tell(trial, outcome)
        self.ended += 1
        trials = self.search.trials()
        tidy(self.plan.folder, trials)
        if self.on_trial:
            self.on_trial(
                next(one for one in trials if one.number == trial.number), best_of(trials), self.ended
            )
