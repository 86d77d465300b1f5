"""ostinato evaluate: score a run on some trades."""

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
    """Score a run on the test part of some trades, beside baselines fitted on the part before it."""
    from rich.console import Console

    from .machine import prepare
    from .reading import read

    place = prepare(threads, device)
    import json as json_module

    import typer

    from ..tasks.forecasting import evaluate as evaluate_forecast
    from ..tasks.forecasting import open_run
    from .tables import METRICS, number

    opened = open_run(run, place)
    found = evaluate_forecast(opened, read(data, column, time_unit))
    tests = {name: skill.model_dump() for name, skill in found.skill.items()}
    if json:
        record = {
            "rows": [found.part.start, found.part.stop],
            "test": found.test,
            "baselines": found.baselines,
            "tests": {"diebold_mariano": tests},
        }
        typer.echo(json_module.dumps(record, indent=2))
        return
    console = Console()
    console.print(f"scored rows {found.part.start:,} to {found.part.stop - 1:,} of {data}", highlight=False)
    for note in found.notes:
        console.print(f"note: {note}", highlight=False)
    for name, metrics in [*found.baselines.items(), (opened.name, found.test)]:
        numbers = ", ".join(f"{metric} {number(metrics[metric])}" for metric in METRICS)
        console.print(f"{name}: {numbers}", highlight=False)
    for name, skill in tests.items():
        console.print(
            f"Diebold–Mariano against {name}: statistic {number(skill['statistic'])}, p {skill['p_value']:.2g} "
            "(negative: the model is better)",
            highlight=False,
        )
