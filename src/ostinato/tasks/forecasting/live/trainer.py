"""The training process: python -m ostinato.tasks.forecasting.live.trainer STORE RUN OUT

Fits a run like RUN on the events of STORE, then steps it on all of them and leaves its state beside it.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

# how another file was read and cut; the events of a store are plain
OF_THE_FILE = ("columns", "fold", "of_folds", "fold_window", "bounds", "time_zone", "time_unit", "id")


def main(arguments: list[str]) -> int:
    """Train; 0 where a challenger is ready."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(os, "nice"):
        os.nice(10)  # the engine comes first
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave no files behind
    from ....errors import OstinatoError

    store, run, out = (Path(argument) for argument in arguments)
    try:
        train(store, run, out)
    except OstinatoError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def train(store: Path, run: Path, out: Path) -> None:
    """Fit on all events but the last that no label reaches yet, and bring the state to the last event."""
    import torch

    from ....store.exporting import export
    from ..fitting import fit
    from ..opening import network_section, open_run
    from ..recipe import FACTS
    from .states import write_state

    torch.set_num_threads(1)
    like = open_run(run)
    name, options = network_section(like.config)
    told = like.recipe.model_dump(exclude_defaults=True)
    recipe = {key: value for key, value in told.items() if key not in (*FACTS, *OF_THE_FILE)}
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        data = Path(folder) / "events.parquet"
        export(store, data)
        fit(
            data,
            out,
            name,
            options=options,
            training=like.config.training,
            recipe=recipe,
            seed=like.config.seed,
        )
    write_state(store, out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
