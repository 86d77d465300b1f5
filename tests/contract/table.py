"""The table layer × check, printed at the end of every run that ran the contract."""

import re

ROW = re.compile(r"::test_contract\[(.+)\]")


def write_table(terminalreporter) -> None:
    """Collect the marks from the reports of the tests, which xdist's workers send too."""
    rows: dict[str, dict[str, str]] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            found = ROW.search(report.nodeid)
            if found and report.when == "call":
                rows[found[1]] = dict(report.user_properties)  # a mark for each check
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
