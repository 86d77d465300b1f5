"""ostinato evaluate: score a run on some data."""

from . import options as opt


def evaluate(
    run: opt.RunPath,
    data: opt.Data,
    column: opt.Column = None,
    time_unit: opt.TimeUnit = None,
    device: opt.Device = "auto",
    threads: opt.Threads = None,
    json: opt.AsJson = False,
) -> None:
    """Score a run on the test part of data, next to baselines fitted on the part before it."""
    from rich.console import Console

    from .machine import prepare
    from .reading import read

    place = prepare(threads, device)
    import json as json_module

    import typer

    from ..experiment.evaluating import evaluate as evaluate_run
    from ..experiment.opening import open_run
    from ..tasks import task_of_run
    from .tables import Scores, show

    opened = open_run(task_of_run(run), run, place)
    found = evaluate_run(opened, read(opened, data, column, time_unit))
    if json:
        tests = {name: skill.model_dump() for name, skill in found.skill.items()}
        record = {
            "rows": [int(found.rows[0]), int(found.rows[-1]) + 1],  # the second one is not included
            "scored": len(found.rows),
            "measure": found.measure,
            "notes": list(found.notes),
            "test": found.test,
            "baselines": found.baselines,
            "baseline_settings": found.scored.settings,
            "tests": {"diebold_mariano": tests},
        }
        typer.echo(json_module.dumps(record, indent=2, allow_nan=False))
        return
    console = Console()
    console.print(
        f"scored {len(found.rows):,} rows from {found.rows[0]:,} to {found.rows[-1]:,} of {data}",
        highlight=False,
    )
    for note in found.notes:
        console.print(f"note: {note}", highlight=False)
    scores = Scores(found.measure, found.test, found.baselines, found.skill, settings=found.scored.settings)
    show(console, {opened.name: scores})
