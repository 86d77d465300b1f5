"""The training process: python -m ostinato.tasks.forecasting.live.trainer STORE RUN OUT

Fits a run like RUN on the newest events of STORE, then steps it on all of them and leaves its state beside it.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..recipe import Recipe

MOST = 500_000  # events that a challenger is fitted on, the newest
VALIDATION, TEST = 0.1, 100  # a share, and rows: the trial is the test that counts
# how another file was read and cut; the events of a store are plain
OF_THE_FILE = ("columns", "fold", "of_folds", "fold_window", "bounds", "time_zone", "time_unit", "id")


def main(arguments: list[str]) -> int:
    """Train; exit code 0 if a challenger is ready."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(os, "nice"):
        os.nice(10)  # the engine comes first
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave no files behind
    from ....files.ending import end_with_parent

    end_with_parent()
    from ....errors import OstinatoError

    store, run, out = (Path(argument) for argument in arguments)
    try:
        train(store, run, out)
    except OstinatoError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def train(store: Path, run: Path, out: Path) -> None:
    """Fit on the newest events, and bring the state to the last event.

    Of those at most ``MOST`` events nine tenths teach and one tenth says when to stop; the last ``TEST`` rows, and as
    many as a label looks ahead, are left for the report of the run.

    Raises:
        DataError: the events are too few.
    """
    import torch

    from ....experiment.settings import network_section
    from ....store.exporting import export
    from ..reading import panel_of
    from ..recipe import FACTS
    from ..task import fit, open_run
    from .challenger_store import TEMPORARY
    from .states import write_state

    torch.set_num_threads(1)
    like = open_run(run)
    name, options = network_section(like.config)
    told = like.recipe.model_dump(exclude_defaults=True)
    recipe = {key: value for key, value in told.items() if key not in (*FACTS, *OF_THE_FILE)}
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=TEMPORARY) as folder:
        data = Path(folder) / "events.parquet"
        export(store, data, newest=MOST)
        panel = panel_of(data, read_by(like.recipe, recipe))
        recipe["fractions"] = parts_of(len(panel), like.recipe.purge)
        fit(
            panel,
            out,
            name,
            options=options,
            training=like.config.training,
            recipe=recipe,
            seed=like.config.seed,
        )
    write_state(store, out)


def read_by(champion: "Recipe", fields: dict[str, Any]) -> "Recipe":
    """The recipe by which events are read: as the champion's data were; of runs that have no layout, by themselves."""
    from ..recipe import recipe_from
    from .rows import layout_of_events

    if champion.layout is None:
        return recipe_from(fields)
    return recipe_from({**fields, "layout": layout_of_events(champion).model_dump()})


def parts_of(rows: int, purge: int) -> tuple[float, float, float]:
    """Shares of train, validation and test; of few rows the last is a fifth, as in every run."""
    test = min((TEST + purge) / rows, 0.2) if rows else 0.2
    return 1 - VALIDATION - test, VALIDATION, test


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
