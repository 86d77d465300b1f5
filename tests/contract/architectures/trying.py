"""One seed, from its architecture to what is wrong with it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from time import process_time

from contract.architectures.growing import generate
from contract.architectures.known import KNOWN
from contract.architectures.oracle import WARNINGS, Fault, ask, chosen, refusal
from contract.architectures.shrinking import shrink
from contract.architectures.tree import Architecture


@dataclass
class Trial:
    """What came of a seed."""

    seed: int
    source: str
    kinds: frozenset[str]
    refused: str | None = None
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    smallest: dict[str, str] = field(
        default_factory=dict
    )  # by check: the shrunk architecture, and its sentence
    seconds: float = 0.0

    def summary(self) -> str:
        """For people: the architecture, and each fault with the smallest that has it."""
        lines = [f"seed {self.seed}: {self.source}"]
        if self.refused:
            lines.append(f"  refused: {self.refused}")
        lines += [f"  {fault.check}: {fault.kind}: {fault.sentence}" for fault in self.faults]
        lines += [f"  smallest for {check}: {text}" for check, text in self.smallest.items()]
        lines += [f"  (warning) {fault.check}: {fault.sentence}" for fault in self.warnings]
        return "\n".join(lines)


def try_seed(
    seed: int, thorough: bool = False, skip: Collection[str] = (), patience: float = 0.0, warn: bool = False
) -> Trial:
    """Generate, build, ask; shrink the first fault of each check for ``patience`` seconds."""
    begun = process_time()
    trial = examine(generate(seed), seed, [name for name in chosen(seed, thorough) if name not in skip])
    if warn and not trial.refused and not trial.faults:
        answers = [ask(generate(seed), seed, name) for name in WARNINGS]
        trial.warnings = [fault for fault in answers if fault is not None]
    if patience:
        for fault in trial.faults:
            smaller, told = shrink(generate(seed), seed, fault, patience)
            trial.smallest[fault.check] = f"{smaller}\n      {told.kind}: {told.sentence}"
    trial.seconds = process_time() - begun
    return trial


def try_known(name: str, thorough: bool = True, skip: Collection[str] = ()) -> Trial:
    """One of the architectures that were wrong once."""
    names = [check for check in chosen(0, thorough) if check not in skip]
    return examine(KNOWN[name], 0, names)


def examine(architecture: Architecture, seed: int, names: list[str]) -> Trial:
    """Ask an architecture; one that does not run is asked nothing more."""
    trial = Trial(seed, str(architecture), frozenset(part.kind for part in architecture.tree.nodes()))
    why = refusal(architecture, seed)
    if isinstance(why, str):
        trial.refused = why
    elif why is not None:
        trial.faults = [why]
    for name in names if why is None else []:
        fault = ask(architecture, seed, name)
        if fault is not None:
            trial.faults.append(fault)
        if fault is not None and name == "runs":
            break
    return trial
