"""The training process: python -m ostinato.tasks.forecasting.live.trainer STORE RUN OUT

Fits a run like RUN on the events of STORE, then steps it on all of them and leaves its state beside it.
"""

import os
import sys
import tempfile
from pathlib import Path

STATE = "live.state"  # the key of the last event, 8 bytes, then the state


def main(arguments: list[str]) -> int:
    """Train; 0 where a challenger is ready."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(os, "nice"):
        os.nice(10)  # the engine comes first
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

    torch.set_num_threads(1)
    like = open_run(run)
    name, options = network_section(like.config)
    recipe = {
        key: value
        for key, value in like.recipe.model_dump(exclude_defaults=True).items()
        if key
        not in (
            *FACTS,
            "columns",
            "fold",
            "of_folds",
            "fold_window",
            "bounds",
            "time_zone",
            "time_unit",
            "id",
        )
    }
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


def write_state(store: Path, out: Path) -> None:
    """Step the new run on every stored event."""
    from ....store import Reader
    from ..opening import open_run
    from .assembling import forecaster_of

    reader = Reader.open(store)
    try:
        forecaster = forecaster_of(open_run(out), reader.head.baselines)
        holes = [gap for gap in reader.gaps() if gap.outcome == "unfillable"]
        key: int | None = None
        while events := reader.events_after(key):
            for event in events:
                while holes and holes[0].first < event.key:
                    holes.pop(0)
                    forecaster.hole()
                    if reader.head.policy == "reset":
                        forecaster.reset()
                forecaster.step(event_of(event))
            key = events[-1].key
    finally:
        reader.close()
    assert key is not None  # a run was fitted on them
    assert key is not None  # a run was fitted on them
    (out / STATE).write_bytes(key.to_bytes(8, "little", signed=True) + forecaster.state())


def read_state(path: Path) -> tuple[int, bytes]:
    """The key of the last event, and the state after it.

    Raises:
        StateError: there is none.
    """
    from ....errors import StateError

    try:
        content = path.read_bytes()
    except OSError as error:
        raise StateError(f"cannot read {path}: {error.strerror or error}.") from None
    if len(content) < 8:
        raise StateError(f"{path} holds no state.")
    return int.from_bytes(content[:8], "little", signed=True), content[8:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
