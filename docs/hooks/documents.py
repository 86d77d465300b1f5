"""Documents of other folders as pages: the architecture, the changelog, the records of benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = {"architecture.md": "ARCHITECTURE.md", "changelog.md": "CHANGELOG.md"}

RECORDS_HEAD = """\
# Benchmarks

Every number in these pages or in the README was measured by a script. Its record states the machine, the versions and
the commit. Disappointing records are kept, too.

"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and the records to the navigation."""
    for path, source in PAGES.items():
        files.append(File.generated(config, path, content=(ROOT / source).read_text("utf-8")))
    records = sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    table = "".join(
        f"- [{question(record)}]({record.name}) ({record.stem.rsplit('_', 1)[1]})\n" for record in records
    )
    readme = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    how = readme[readme.index("## How they measure") :]
    files.append(File.generated(config, "benchmarks/index.md", content=RECORDS_HEAD + table + "\n" + how))
    entries: list[dict[str, str] | str] = ["benchmarks/index.md"]
    for record in records:
        path = f"benchmarks/{record.name}"
        files.append(File.generated(config, path, content=contained(record.read_text("utf-8"))))
        title, _, day = record.stem.rsplit("_", 2)
        entries.append({f"{title.replace('_', ' ').capitalize()}, {day}": path})
    next(item for item in config.nav or [] if "Benchmarks" in item)["Benchmarks"] = entries
    return files


def question(record: Path) -> str:
    """The first line of a record, which is what was asked."""
    return record.read_text("utf-8").splitlines()[0].removeprefix("# ")


def contained(text: str) -> str:
    """A record without links into the repository, which the site does not hold."""
    return re.sub(r"\[([^\]]*)\]\((?!https?:|#)[^)]*\)", r"\1", text)
