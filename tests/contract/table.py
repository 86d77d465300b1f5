"""The table layer × check, printed at the end of every run that ran the contract."""

import re
from collections import defaultdict

CELL = re.compile(r"test_contract\[(.+):(\w+)\]")


def write_table(terminalreporter) -> None:
    """Collect the marks from the reports of the tests, which xdist's workers send too."""
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            found = CELL.search(report.nodeid)
            if found and report.when == "call":
                mark = dict(report.user_properties).get("mark", "FAULT")
                rows[found[1]][found[2]] = mark if outcome == "passed" else "FAULT"
    if rows:
        terminalreporter.write_sep("=", "the contract: layer × check")
        for line in table(rows):
            terminalreporter.write_line(line)


def table(rows: dict[str, dict[str, str]]) -> list[str]:
    """One line a layer; the checks are numbered and listed below."""
    from ostinato.checks import CHECKS

    width = max(len(name) for name in rows)
    numbers = " ".join(f"{place:>2}" for place in range(1, len(CHECKS) + 1))
    lines = [f"{'':{width}} {numbers}"]
    for name in sorted(rows):
        marks = " ".join(f"{rows[name].get(check.name, '?'):>2}" for check in CHECKS)
        lines.append(f"{name:{width}} {marks}")
    lines.append("ok held, - excused by a property that the layer declares")
    lines += [
        f"{place:>2} promise {check.promise}: {check.name}. {check.meaning}"
        for place, check in enumerate(CHECKS, 1)
    ]
    return lines
