"""Options shared by several commands, and the parsing of their text."""

import json
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError, shortened

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="Trades: CSV (also .gz) or parquet.", show_default=False)
]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=NAME", help="Name a column: time, price, amount, id or side."),
]
TimeUnit = Annotated[str | None, typer.Option("--time-unit", help="Unit of numeric times: s, ms, us or ns.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any field of the config, such as training.epochs=5."),
]
Config = Annotated[
    Path | None, typer.Option("--config", help="A TOML file with sections model, training and data.")
]
Model = Annotated[str | None, typer.Option("--model", help="cnn, tcn, mlp, rnn, lstm (unset) or gru.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of weights, order and noise.")]
OptionalSeed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of weights, order and noise; unset: 0.")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads; unset: 1.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the existing run.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Page = Annotated[bool, typer.Option("--page/--no-page", help="Write report.html.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]

MOST_CONFIG_BYTES = 1 << 20

SECTIONS = ("model", "training", "data")


def pairs(entries: list[str] | None, option: str) -> dict[str, str]:
    """KEY=VALUE entries as a dict.

    Raises:
        ConfigError: an entry has no "=".
    """
    wrong = next((entry for entry in entries or [] if "=" not in entry), None)
    if wrong is not None:
        raise ConfigError(f"{option} wants KEY=VALUE, got {shortened(wrong)}.")
    return {entry.split("=", 1)[0].strip(): entry.split("=", 1)[1].strip() for entry in entries or []}


def names(text: str | None) -> tuple[str, ...] | None:
    """Comma-separated names; None if the option was not given."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def sections(
    config: Path | None, entries: list[str] | None, known: dict[str, set[str]]
) -> dict[str, dict[str, Any]]:
    """Options by section, from a TOML file and --set. ``known`` are the fields of each section.

    Raises:
        ConfigError: the file cannot be read, a section does not exist, or a bare key is not of exactly one section.
    """
    found: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for name, values in _toml(config).items():
        if name not in found or not isinstance(values, dict):
            raise ConfigError(f"{config}: {name} is no section. Sections: {', '.join(SECTIONS)}.")
        found[name] |= values
    for key, text in pairs(entries, "--set").items():
        section, field = _address(key, known)
        found[section][field] = value_of(text)
    return found


def value_of(text: str) -> Any:
    """A number, true, false, none, a list in JSON, or the text itself.

    Python reads neither numbers of thousands of digits nor thousands of brackets: they stay text, for the config to
    refuse.
    """
    if text.lower() in ("none", "null"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _named(name: str) -> str:
    """A name as it was typed, where that can be read."""
    return name if name.isprintable() and 0 < len(name) <= 80 else shortened(name)


def _address(key: str, known: dict[str, set[str]]) -> tuple[str, str]:
    section, _, field = key.rpartition(".")
    if section:
        if section not in SECTIONS:
            raise ConfigError(f"--set {key}: {section!r} is no section. Sections: {', '.join(SECTIONS)}.")
        return section, field
    homes = [name for name in SECTIONS if field in known[name]]
    if len(homes) != 1:
        problem = f"is in {' and '.join(homes)}" if homes else "is no field of the config"
        raise ConfigError(
            f"--set {_named(key)}: {_named(field)} {problem}. Write SECTION.FIELD, such as training.epochs=5."
        )
    return homes[0], field


def _toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        if path.exists() and not path.is_file():
            raise ValueError("it is no file")
        with path.open("rb") as file:
            content = file.read(MOST_CONFIG_BYTES + 1)
        if len(content) > MOST_CONFIG_BYTES:
            raise ValueError(f"it is longer than the {MOST_CONFIG_BYTES:,} bytes allowed")
        return _dates_as_text(tomllib.loads(content.decode("utf-8")))
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror or error}.") from None
    except (ValueError, RecursionError) as error:  # a number may be longer than Python reads
        raise ConfigError(f"cannot read the config {path}: {str(error).rstrip('.')}.") from None


def _dates_as_text(value: Any) -> Any:
    """TOML has dates of its own; fields such as data.bounds take them as text."""
    if isinstance(value, dict):
        return {key: _dates_as_text(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(part) for part in value]
    return value.isoformat() if isinstance(value, date | time) else value
