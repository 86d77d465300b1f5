"""The table at the end of a search."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import ostinato.layers
from contract.architectures.trying import Trial

LISTED = 8  # seeds, and refusals
MANY = 500  # architectures, by when each layer should have been built


def table(trials: Sequence[Trial], seconds: float) -> str:
    """Accepted, refused by sentence, failures by check, layers that were never built, seconds."""
    refused = [trial for trial in trials if trial.refused]
    failed = [trial for trial in trials if trial.faults]
    accepted = len(trials) - len(refused)
    lines = [
        f"{len(trials)} architectures: {accepted} accepted, {len(refused)} refused, {len(failed)} failed; "
        f"{seconds:.0f} s, {sum(trial.seconds for trial in trials) / max(len(trials), 1):.2f} s of CPU each"
    ]
    kinds = Counter(_kind(trial.refused or "") for trial in refused)
    lines += [f"  refused {count:5}  {kind}" for kind, count in kinds.most_common(LISTED)]
    checks = defaultdict(list)
    for trial in trials:
        for fault in trial.faults:
            checks[fault.check].append(trial.seed)
        for fault in trial.warnings:
            checks[f"(warning) {fault.check}"].append(trial.seed)
    for check, seeds in sorted(checks.items(), key=lambda item: -len(item[1])):
        lines.append(f"  failed {len(seeds):6}  {check}: seeds {', '.join(map(str, seeds[:LISTED]))}")
    built = {kind for trial in trials if not trial.refused for kind in trial.kinds}
    absent = (
        []
        if len(trials) < MANY
        else [name for name in ostinato.layers.__all__ if name not in built and name != "Output"]
    )
    lines += [f"  never built: {', '.join(absent)}"] if absent else []
    slowest = sorted(trials, key=lambda trial: -trial.seconds)[:3]
    lines.append(f"  slowest: {', '.join(f'{trial.seed} ({trial.seconds:.1f} s)' for trial in slowest)}")
    return "\n".join(lines)


def _kind(sentence: str) -> str:
    """A sentence without its numbers and names."""
    plain = re.sub(r"\([^()]*\)|'[^']*'|[-\d./]+", "#", sentence)
    return re.sub(r"\b[A-Z]\w*\d*\w*", "#", plain[:1].lower() + plain[1:])[:90]
