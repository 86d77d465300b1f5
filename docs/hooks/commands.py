"""The page of the command line, generated from the commands, so that it is never out of date."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGE = "reference/commands.md"
WORDS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}

HEAD = """\
# Command line

This page is generated from the commands; `ostinato COMMAND --help` shows the same in the terminal.

Exit codes: 1 for invalid input, with an error message of one sentence; 2 for a wrong option; 130 for an interruption.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to the site."""
    from ostinato.cli import app

    files.append(File.generated(config, PAGE, content=page(app)))
    return files


def page(app: typer.Typer) -> str:
    """The whole page in Markdown."""
    parts = [HEAD]
    for path, command in commands(typer.main.get_command(app), "ostinato"):
        parts.append(section(path, command))
    return "\n".join(parts)


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every runnable command below this one, with its full name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name in sorted(below):
        yield from commands(below[name], f"{path} {name}")


def section(path: str, command: Any) -> str:
    """One command: what it does, how it is called, every argument and option."""
    visible = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in visible if p.param_type_name == "argument"]
    options = [p for p in visible if p.param_type_name == "option"]
    words = [word(a) for a in arguments]
    needed = [f"{o.opts[0]} {value(o)}" for o in options if o.required]
    usage = " ".join([path, *words, *needed, *(["[OPTIONS]"] if len(options) > len(needed) else [])])
    lines = [f"## {path}", "", inspect.cleandoc(command.help or ""), "", "```text", usage, "```", ""]
    if arguments:
        lines += ["| argument | |", "|---|---|"]
        lines += [f"| {cell(text)} | {told(a)} |" for text, a in zip(words, arguments, strict=True)]
        lines.append("")
    if options:
        lines += ["| option | value | |", "|---|---|---|"]
        lines += [f"| {names(o)} | {cell(value(o))} | {told(o)} |" for o in options]
        lines.append("")
    return "\n".join(lines)


def word(argument: Any) -> str:
    """An argument as it is written in the usage, in brackets if it may be left out."""
    text = str(argument.metavar or argument.name.upper())
    return text if argument.required or text.startswith("[") else f"[{text}]"


def names(option: Any) -> str:
    """Every name of an option, as code."""
    return ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])


def value(option: Any) -> str:
    """The kind of value an option takes; empty for a flag."""
    if option.is_flag:
        return ""
    if option.metavar:
        return str(option.metavar)
    kind = kind_of(option)
    choices = [
        getattr(choice, "value", choice)
        for choice in (get_args(kind) or getattr(kind, "__members__", {}).values())
    ]
    return "|".join(str(choice) for choice in choices) or WORDS.get(kind, "VALUE")


def kind_of(parameter: Any) -> Any:
    """The Python type of a value. Typer before 0.26 keeps click's types instead."""
    descriptor = getattr(parameter, "type_descriptor", None)
    if descriptor is not None:
        return descriptor.annotation
    return {"integer": int, "float": float, "path": Path, "text": str}.get(parameter.type.name.split()[0])


def lowest(parameter: Any) -> Any:
    """The least value that is allowed, if there is one."""
    return (
        getattr(parameter, "min", None) if hasattr(parameter, "min") else getattr(parameter.type, "min", None)
    )


def cell(text: str) -> str:
    """Text as code in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def told(parameter: Any) -> str:
    """The help of an argument or option, its default and its range."""
    words = [(getattr(parameter, "help", None) or "").replace("|", "\\|").strip()]
    low = lowest(parameter)
    if low is not None:
        words.append(f"At least {low}.")
    if getattr(parameter, "multiple", False):
        words.append("May be given several times.")
    if parameter.required and parameter.param_type_name == "option":
        words.append("Required.")
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and not parameter.required:
        words.append(f"Default: `{default}`.")
    return " ".join(word for word in words if word)
