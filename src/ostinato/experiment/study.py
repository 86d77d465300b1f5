"""The Optuna study of a search, stored in a journal that is validated like any file from outside.

The journal is one line of JSON for each step of each trial; nothing in it is ever executed. One process writes it. A
trial that was under way when that process died is marked as failed and not counted. The sampler is seeded anew for each
counted trial, so a search that is killed and gone on with proposes what the uninterrupted one would have.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BrokenRunError, ConfigError, RunError
from ..quiet import without_warnings
from ..runs.reading import MAX_LINE_BYTES, MAX_LINES_BYTES, open_limited, parse_json
from ..runs.tuning import MOST_TRIALS, TunedTrial
from ..runs.writing import truncate
from .search_folder import LOCK
from .space import ModelSpace
from .trial import TrialResult

NAME = "tune"
DEFAULTS = "defaults"  # marks a trial with the defaults of a model
RANDOM_TRIALS = 8  # before the sampler begins to learn
IMPORTANCE_TRIALS = 10  # complete trials that importance needs
UNPRUNED_TRIALS, UNPRUNED_STEPS = 4, 25  # trials, and per cent of the epochs, before any trial is pruned


class Study:
    """The Optuna study of a search folder.

    Args:
        path: of the journal; begun where there is none.
        spaces: of each model, by name.

    Raises:
        ConfigError: Optuna is not installed.
        BrokenRunError: the journal is damaged, hostile, or of another search.
        RunError: the system does not let us read or write it.
    """

    def __init__(self, path: Path, spaces: Mapping[str, ModelSpace], seed: int) -> None:
        self.optuna = import_optuna()
        self.path, self.spaces, self.seed = path, spaces, seed
        _cut_torn_line(path)
        try:
            self._open()
            self.trials()
        except (RunError, OSError):
            raise
        except Exception as error:  # replaying a damaged journal, Optuna may raise anything
            raise BrokenRunError(f"{path} is damaged, or no search: {_short(error)}. {_ANEW}") from None

    def _open(self) -> None:
        storages = self.optuna.storages
        backend = storages.journal.JournalFileBackend(str(self.path), lock_obj=_NoLock())
        storage = storages.JournalStorage(backend)
        pruner = self.optuna.pruners.MedianPruner(
            n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=UNPRUNED_STEPS
        )
        names = [study.study_name for study in storage.get_all_studies()]
        if names not in ([], [NAME]):
            raise BrokenRunError(f"{self.path} holds another study than a search of ours. {_ANEW}")
        self.study = self.optuna.create_study(
            storage=storage, pruner=pruner, study_name=NAME, load_if_exists=True
        )
        if self.study.directions != [self.optuna.study.StudyDirection.MINIMIZE]:
            raise BrokenRunError(f"{self.path} does not look for the lowest loss. {_ANEW}")
        if len(self.study.get_trials(deepcopy=False)) > 3 * MOST_TRIALS:
            raise BrokenRunError(f"{self.path} holds too many trials. {_ANEW}")
        self._discard_unfinished(storage)

    def _discard_unfinished(self, storage: Any) -> None:
        """Discard trials that a killed search left running."""
        for trial in self.study.get_trials(deepcopy=False):
            if not trial.state.is_finished():
                storage.set_trial_state_values(trial._trial_id, self.optuna.trial.TrialState.FAIL)

    def ask(self) -> tuple[Any, str, dict[str, Any]]:
        """The next Optuna trial, its model, and values by address. The first trial of each model has the defaults."""
        state = self.optuna.trial.TrialState
        counted = (state.COMPLETE, state.PRUNED, state.RUNNING)
        trials = self.study.get_trials(deepcopy=False, states=counted)
        begun = [trial.user_attrs.get(DEFAULTS) for trial in trials]
        several = len(self.spaces) > 1
        for name, space in self.spaces.items():
            if name not in begun:
                chosen = {"model": name} if several else {}
                self.study.enqueue_trial(space.first() | chosen, user_attrs={DEFAULTS: name})
                break
        seed = np.random.SeedSequence([self.seed, len(trials)]).generate_state(1)[0]
        self.study.sampler = self.optuna.samplers.TPESampler(n_startup_trials=RANDOM_TRIALS, seed=int(seed))
        trial = self.study.ask()
        names = list(self.spaces)
        model = trial.suggest_categorical("model", names) if several else names[0]
        return trial, model, self.spaces[model].draw(trial)

    def should_prune(self, trial: Any, step: int, loss: float) -> bool:
        """Record a validation loss; returns whether to prune the trial. One with the defaults is never pruned."""
        trial.report(loss, step)
        return bool(trial.should_prune()) and DEFAULTS not in trial.user_attrs

    def tell(self, trial: Any, outcome: TrialResult) -> None:
        """Record how a trial ended. A failed trial counts as one of the worst."""
        state = self.optuna.trial.TrialState
        trial.set_user_attr("facts", outcome.facts | {"state": outcome.state, "failed": outcome.failed})
        if outcome.state == "complete":
            self.study.tell(trial, outcome.loss)
        else:
            self.study.tell(trial, state=state.PRUNED)

    def forget(self, trial: Any) -> None:
        """Discard a trial that was interrupted: it does not count."""
        self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)

    def trials(self) -> list[TunedTrial]:
        """All finished trials, in their order.

        Raises:
            BrokenRunError: the journal holds trials that no search of ours makes.
        """
        state = self.optuna.trial.TrialState
        ended = self.study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED))
        return [self._read(trial, trial.state is state.COMPLETE) for trial in ended]

    def _read(self, trial: Any, complete: bool) -> TunedTrial:
        where = f"{self.path}, trial {trial.number}"
        params = dict(trial.params)
        model = params.pop("model", None) if len(self.spaces) > 1 else next(iter(self.spaces))
        if not isinstance(model, str) or model not in self.spaces:
            raise BrokenRunError(f"{where} is of another model. {_ANEW}")
        self._check_drawn(trial, where)
        losses = dict(trial.intermediate_values) | ({100: trial.value} if complete else {})
        for step, loss in losses.items():
            if type(step) is not int or type(loss) is not float or not math.isfinite(loss):
                raise BrokenRunError(f"{where} has no loss. {_ANEW}")
        loss = trial.value if complete else None
        facts: dict[str, Any] = dict(trial.user_attrs["facts"])
        if complete != (facts["state"] == "complete"):
            raise BrokenRunError(f"{where} is both complete and not. {_ANEW}")
        values = self.spaces[model].values(params)
        listed = {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
        defaults = DEFAULTS in trial.user_attrs
        return TunedTrial(
            number=trial.number, model=model, defaults=defaults, parameters=listed, loss=loss, **facts
        )

    def _check_drawn(self, trial: Any, where: str) -> None:
        """The fields of a trial that the sampler uses."""
        known: dict[str, Any] = {}
        for space in self.spaces.values():
            known |= space.distributions()
        if len(self.spaces) > 1:
            known["model"] = self.optuna.distributions.CategoricalDistribution(list(self.spaces))
        for name, value in trial.params.items():
            drawn = trial.distributions[name]
            if known.get(name) != drawn or not drawn._contains(drawn.to_internal_repr(value)):
                raise BrokenRunError(f"{where} was drawn from another space, by another version. {_ANEW}")
        if any(name != "fixed_params" and not name.startswith("tpe:") for name in trial.system_attrs):
            raise BrokenRunError(f"{where} says what no search of ours does. {_ANEW}")

    def importance(self, best: TunedTrial) -> dict[str, float]:
        """Importance of each field of the best trial's model, sum 1; empty where there are too few trials.

        Source:
            Watanabe, Bansal and Hutter 2023, arXiv:2304.10255: PED-ANOVA, as Optuna has it.
        """
        space = self.spaces[best.model]
        names = [space.name(address) for address in best.parameters]
        if sum(trial.loss is not None for trial in self.trials()) < IMPORTANCE_TRIALS or not names:
            return {}
        with without_warnings():
            try:
                found = self.optuna.importance.get_param_importances(self.study, params=names)
            except (RuntimeError, ValueError):  # all trials are equal
                return {}
        return {name.removeprefix(f"{best.model}."): min(float(share), 1.0) for name, share in found.items()}


_ANEW = "Begin anew with --force (in Python force=True), or in another folder."


class _NoLock:
    """Replaces Optuna's lock of the journal, which would survive a kill: the whole folder is locked instead."""

    def acquire(self) -> bool:
        """No effect."""
        return True

    def release(self) -> None:
        """No effect."""


def import_optuna() -> Any:
    """Import Optuna with its log silenced.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise ConfigError("a search needs the package optuna: pip install 'ostinato[tune]'.") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock a folder against a second search; the lock is released when the process ends.

    Raises:
        RunError: another process holds it, or the system does not let us write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        import fcntl
    except ImportError:  # Windows
        yield
        return
    except OSError as error:
        raise RunError(f"cannot write the folder {folder}: {error.strerror or error}.") from error
    try:
        number = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        raise RunError(f"cannot write the folder {folder}: {error.strerror or error}.") from error
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        raise RunError(
            f"another search is at work in {folder}. Wait for it, or choose another folder."
        ) from None
    try:
        yield
    finally:
        os.close(number)


def _cut_torn_line(path: Path) -> None:
    """Remove an incomplete last line, as a killed process leaves it; refuse a file that is not lines of JSON."""
    if not os.path.lexists(path):
        return
    number = end = 0
    with open_limited(path, MAX_LINES_BYTES) as (file, size):
        while (line := file.readline(MAX_LINE_BYTES + 1)).endswith(b"\n"):
            number, end = number + 1, end + len(line)
            parse_json(line[:-1], f"{path}, line {number}")
    if len(line) > MAX_LINE_BYTES:
        raise BrokenRunError(
            f"{path}, line {number + 1} is longer than the {MAX_LINE_BYTES:,} bytes allowed."
        )
    if path.is_symlink():
        raise BrokenRunError(f"{path} is a link. A search holds plain files only.")
    if end < size:
        truncate(path, end)


def _short(error: Exception) -> str:
    return f"{type(error).__name__} {' '.join(str(error).split())[:80]}".strip()
