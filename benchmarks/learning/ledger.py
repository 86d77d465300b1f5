"""What is finished, one JSON object a line: a benchmark that is stopped goes on where it was."""

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> list[dict[str, Any]]:
    """Every line that is whole: the last one of a process that was killed may not be."""
    lines = path.read_text(encoding="utf8").splitlines() if path.exists() else []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def add(path: Path, row: dict[str, Any]) -> None:
    """At once, so that nothing is lost that was finished."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf8") as file:
        file.write(json.dumps(row) + "\n")
