"""What a record says of the machine and the software, and no more than is needed to compare."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy
import torch

import ostinato

HERE = Path(__file__).parent


def cpu_family() -> str:
    """Vendor and family of the processor, such as "AMD family 26"; the architecture where they are not told."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        told = ""
    vendor, family = (re.search(rf"^{key}\s*:\s*(.+)$", told, re.M) for key in ("vendor_id", "cpu family"))
    if vendor is None or family is None:
        return platform.machine()
    names = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel"}
    return f"{names.get(vendor[1], vendor[1])} family {family[1]}"


def facts() -> dict[str, str]:
    """Machine, versions and commit."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return {
        "machine": f"{os.cpu_count()} cores, {cpu_family()}, {platform.system()}",
        "load average": load,
        "threads": f"{torch.get_num_threads()}",
        "versions": f"ostinato {ostinato.__version__}, Python {platform.python_version()}, torch "
        f"{torch.__version__}, numpy {numpy.__version__}",
        "commit": COMMIT,
    }


def commit() -> str:
    """Of the code that ran; says so if it differs from what was committed."""
    try:
        number = _git("rev-parse", "--short=12", "HEAD")
        changed = _git(
            "status", "--porcelain", "--untracked-files=no", "--", "src/ostinato", "benchmarks/*.py"
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{number}, with changes" if changed else number


def record(question: str, lines: list[str], sizes: dict[str, str]) -> str:
    """A record: the question, the table, and all it takes to repeat it."""
    title, _, rest = question.strip().partition("\n")
    told = [f"- {name}: {value}" for name, value in (sizes | facts()).items()]
    return "\n".join([f"# {title}", rest.rstrip(), "", *lines, "", *told, ""])


def write_record(question: str, text: str) -> Path:
    """Keep a record in results/, named by question, machine and date."""
    words = re.sub(r"[^a-z0-9]+", "-", cpu_family().lower())
    path = HERE / "results" / f"{question}_{words}_{datetime.now(UTC):%Y-%m-%d}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf8")
    return path


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=HERE.parent, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


COMMIT = commit()  # when the code was loaded: it may change while a long benchmark runs
