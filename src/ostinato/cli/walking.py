"""``ostinato fit --folds``: fit and print fold by fold."""

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ..experiment.walking import Walk
    from ..runs.results import Results
    from ..runs.walk import WalkForward


def walk_forward(
    settings: Any, panel: Any, folds: int, window: Any, device: str, console: "Console", as_json: bool
) -> None:
    """Fit fold by fold, and print the metrics pooled over all folds."""
    from ..experiment.walking import walk_settled
    from .progress import progress_bars

    out = settings.folder.path
    try:
        walked = walk_settled(settings, panel, folds, window, device=device, watch=progress_bars(console))
    except KeyboardInterrupt:
        console.print(
            f"interrupted: what was learnt so far is in {out}. The same command with --resume goes on from here.",
            highlight=False,
        )
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(walked.results.model_dump_json(indent=2))
        return
    _print_result(console, walked)
    console.print(f"run folder: {out}; earlier folds: {out / 'folds'}", highlight=False)


def _print_result(console: "Console", walked: "Walk") -> None:
    from .tables import Scores, show

    run, found = walked.fits[-1].run, walked.results
    every = [fit.results for fit in walked.fits if fit.results is not None]
    scores = Scores(
        found.measure,
        found.test,
        walked.scored.baseline_metrics,
        walked.scored.skill,
        seconds=sum(results.training.seconds for results in every),
        step_us=every[-1].model.step_us,
        settings=walked.scored.settings,
    )
    console.print(
        f"{found.rows_scored:,} rows in {len(found.folds)} folds, {found.window} window", highlight=False
    )
    show(console, {run.name: scores})
    _print_folds(console, found, every, run.name, scores.best_baseline or "")


def _print_folds(
    console: "Console", found: "WalkForward", every: "list[Results]", model: str, baseline: str
) -> None:
    """Print a line for each fold, with the baseline that is best over all folds."""
    from rich import box
    from rich.table import Table

    from ..data.report import utc
    from ..runs.metric_table import loss_name
    from .numbers import number

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=0, show_edge=False, pad_edge=False)
    table.title = f"{loss_name(found.measure)}, fold by fold"
    table.title_justify = "left"
    for heading in ("fold", "from (UTC)", "to", "rows", model, baseline):
        table.add_column(heading, justify="left" if heading == "from (UTC)" else "right", no_wrap=True)
    for place, (fold, results) in enumerate(zip(found.folds, every, strict=True), 1):
        test = fold.parts["test"]
        loss = fold.baselines.get(baseline, {}).get(found.measure)
        table.add_row(
            str(place),
            *("-" if moment is None else utc(moment)[:16] for moment in (test.first, test.last)),
            f"{test.rows:,}",
            number(results.test.get(found.measure)),
            number(loss),
        )
    console.print(table)
