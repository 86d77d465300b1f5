"""Output files of a command."""

from pathlib import Path

from ..errors import ConfigError, RunError, RunExistsError


def check_target(out: Path, force: bool, data: Path | None = None) -> None:
    """Refuse to overwrite a file, before long work begins.

    Args:
        data: what is read, which is not replaced whatever is forced.

    Raises:
        RunExistsError: there is a file, and ``force`` was not given.
        ConfigError: it is the data.   RunError: the system does not let us look.
    """
    try:
        there = out.exists()
        same = there and data is not None and data.exists() and out.samefile(data)
    except OSError as error:
        raise RunError(f"cannot write {out}: {error.strerror or error}.") from None
    if same:
        raise ConfigError(f"{out} is the data themselves. Choose another file for --out.")
    if there and not force:
        raise RunExistsError(f"{out} is there already. --force replaces it.")
