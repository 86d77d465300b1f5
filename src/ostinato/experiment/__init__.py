"""Experiments: what all tasks share between their data and an evaluated run: fit, compare, tune, walk, open.

    task.py            the protocol: all that is asked of a task; a run, and how a task is loaded
    data_section.py    the data section of a run's config, and data as an experiment sees them
    settings.py        what a fit was asked to do, settled before data are read
    fitting.py         training, judging, and the run folder
    opening.py         a run from its folder, trusting nothing in it
    evaluating.py      predictions beside baselines on the same rows; several folds together
    scores.py          what was reached on some rows; tests and intervals
    walking.py         a run for each block of the test part
    comparing.py       several models on the same rows          plan.py: its settings, kept in its folder
    tuning.py          a search on the validation part          search.py: its settings, kept in its folder
    space.py           what is searched                         study.py: Optuna's journal, opened as a stranger's
    trial.py           one training run of a search             promotion.py: the best one becomes a run
    workers.py         processes that train trials              worker.py: such a process
    panel_folder.py    a panel for such processes
    search_folder.py   where the files of a search lie
    watching.py        progress of several training runs, one after the other

It knows no task by name. A task is a subclass of ``Task`` in a package of its own.
"""

from .comparing import compare
from .data_section import DataSection
from .evaluating import Evaluation, evaluate
from .fitting import Fit, fit
from .opening import open_run
from .scores import BaselineScores
from .task import Predictions, Prepared, Run, Task
from .tuning import Tuned, tune
from .walking import Walk, walk

__all__ = [
    "BaselineScores",
    "DataSection",
    "Evaluation",
    "Fit",
    "Predictions",
    "Prepared",
    "Run",
    "Task",
    "Tuned",
    "Walk",
    "compare",
    "evaluate",
    "fit",
    "open_run",
    "tune",
    "walk",
]
