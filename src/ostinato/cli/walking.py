"""What ``ostinato fit --folds`` does, and how it is told."""

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
    """Fit fold by fold, and show what was reached on all of them together."""
    from ..experiment.walking import walk_settled
    from .progress import bars

    out = settings.folder.path
    try:
        walked = walk_settled(settings, panel, folds, window, device=device, watch=bars(console))
    except KeyboardInterrupt:
        console.print(
            f"interrupted: what was learnt so far is in {out}. The same command with --resume goes on from here.",
            highlight=False,
        )
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(walked.results.model_dump_json(indent=2))
        return
    _tell(console, walked)
    console.print(f"run folder: {out}; earlier folds: {out / 'folds'}", highlight=False)


def _tell(console: "Console", walked: "Walk") -> None:
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
    _tell_folds(console, found, every, run.name, scores.best_baseline or "")


def _tell_folds(
    console: "Console", found: "WalkForward", every: "list[Results]", model: str, baseline: str
) -> None:
    """A line for each fold, beside the baseline that is the best on all of them."""
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
