"""One seed, from its architecture to what is wrong with it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from time import process_time

from contract.architectures.growing import generate
from contract.architectures.known import KNOWN
from contract.architectures.oracle import NAMES, SLOW, WARNINGS, Fault, ask, chosen, subject_of
from contract.architectures.shrinking import shrink
from contract.architectures.subject import Examined
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
    seed: int, turns: int = 1, skip: Collection[str] = (), patience: float = 0.0, warn: bool = False
) -> Trial:
    """Generate, build, ask; shrink the first fault of each check for ``patience`` seconds."""
    begun, architecture = process_time(), generate(seed)
    trial = examine(architecture, seed, [name for name in chosen(seed, turns) if name not in skip], warn)
    for fault in trial.faults if patience else []:
        smaller, told = shrink(architecture, seed, fault, patience)
        trial.smallest[fault.check] = f"{smaller}\n      {told.kind}: {told.sentence}"
    trial.seconds = process_time() - begun
    return trial


def try_known(name: str, skip: Collection[str] = ()) -> Trial:
    """One of the architectures that were wrong once, asked all that is not slow."""
    return examine(KNOWN[name], 0, [check for check in NAMES if check not in {*skip, *SLOW}])


def examine(architecture: Architecture, seed: int, names: list[str], warn: bool = False) -> Trial:
    """Ask an architecture; one that does not run is asked nothing more."""
    trial = Trial(seed, str(architecture), frozenset(part.kind for part in architecture.tree.nodes()))
    subject = subject_of(architecture, seed)
    if isinstance(subject, str):
        trial.refused = subject
    elif isinstance(subject, Fault):
        trial.faults = [subject]
    else:
        _ask_all(subject, names, trial)
        if warn and not trial.faults:
            answers = [ask(subject, name) for name in WARNINGS]
            trial.warnings = [fault for fault in answers if fault is not None]
    return trial


def _ask_all(subject: Examined, names: list[str], trial: Trial) -> None:
    for name in names:
        fault = ask(subject, name)
        if fault is not None:
            trial.faults.append(fault)
            if name == "runs":
                return
