"""The command line: one thin file a command. Nothing heavy is imported before a command runs."""

import sys
from typing import Annotated, NoReturn

import typer

from .. import __version__
from ..errors import OstinatoError, shortened
from . import (
    compare,
    dashboard,
    demo,
    env,
    evaluate,
    exchange,
    fetch,
    fit,
    live,
    predict,
    report,
    runs,
    tune,
    verify,
)

app = typer.Typer(
    name="ostinato",
    help="Convolutional and recurrent networks: train on whole sequences, run live one step at a time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.add_typer(fit.app, name="fit")
app.add_typer(compare.app, name="compare")
app.add_typer(tune.app, name="tune")
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("live")(live.live)
app.command("fetch")(fetch.fetch)
app.command("exchange")(exchange.exchange)
app.command("dashboard")(dashboard.dashboard)
app.command("verify")(verify.verify)
app.command("runs")(runs.runs)
app.command("report")(report.report)
app.command("env")(env.env)


def main() -> None:
    """Run a command. A user's mistake is one message and exit code 1, never a traceback."""
    try:
        app(prog_name="ostinato")
    except OstinatoError as error:
        _stop(str(error), 1)
    except KeyboardInterrupt:
        _stop("interrupted.", 130)
    except BrokenPipeError:  # the reader of our output has gone
        sys.exit(141)
    except MemoryError:
        _stop("this needs more memory than there is. Bring less data, or ask for less.", 1)
    except OSError as error:  # a disk that is full, a name too long
        where = f" {shortened(str(error.filename))}" if error.filename else ""
        _stop(f"the system refuses{where}: {error.strerror or error}.", 1)


def _stop(sentence: str, code: int) -> NoReturn:
    print(f"ostinato: {sentence}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
