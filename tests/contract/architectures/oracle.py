"""All that is asked of an architecture: definitions of our own, and the checks of the library."""

import warnings
from dataclasses import dataclass

import torch

from contract.architectures import ends, nestings, owing, reach, streaming, twins, wrapping
from contract.architectures.subject import Examined, FaultError, Oracle
from contract.architectures.tree import Architecture
from ostinato.checks import CHECKS
from ostinato.checks.run import run_check
from ostinato.errors import OstinatoError

OWN: list[Oracle] = [
    streaming.runs,
    reach.numbers_of_steps,
    streaming.chunks,
    streaming.rows,
    streaming.states,
    streaming.steppers,
    reach.future,
    reach.receptive_field,
    ends.tails,
    ends.tails_in_training,
    ends.lasts,
    ends.tails_learn,
    owing.flush_counts,
    owing.flush_meets_the_end,
    owing.flush_values,
    owing.flush_joins,
    owing.flush_ragged,
    nestings.brackets,
    wrapping.wrapped,
    wrapping.doubled,
    twins.equals_torch,
]
WEAK: list[Oracle] = [reach.receptive_field_is_tight, nestings.refused_alike]  # told, and no failure
LIBRARY = {f"check:{check.name}": check for check in CHECKS}
NAMES = [*(check.__name__ for check in OWN), *LIBRARY]
WARNINGS = [check.__name__ for check in WEAK]
SLOW = {f"check:{name}" for name in ("chunks_join", "steps_equal_chunks", "state_stays_small")}
BY_NAME = {check.__name__: check for check in (*OWN, *WEAK)}


@dataclass(frozen=True)
class Fault:
    """What one check said."""

    check: str
    kind: str  # "fault", or the class of what was raised
    sentence: str


def subject_of(architecture: Architecture, seed: int) -> Examined | Fault | str:
    """The layer with weights of the seed; the sentence in which it is refused, or a fault where it was no sentence."""
    try:
        with _loud():
            return Examined.of(architecture, seed)
    except OstinatoError as error:
        return str(error) or Fault("build", type(error).__name__, "an empty sentence")
    except Exception as error:
        return Fault("build", type(error).__name__, str(error))


def ask(subject: Examined, name: str) -> Fault | None:
    """One check, which leaves the layer as it was."""
    try:
        with _loud():
            if name in LIBRARY:
                outcome = run_check(LIBRARY[name], subject.layer, subject.draw, subject.seed)
                return None if outcome.fault is None else Fault(name, _kind(outcome.fault), outcome.fault)
            with torch.set_grad_enabled(name == ends.tails_learn.__name__):
                BY_NAME[name](subject)
    except FaultError as error:
        return Fault(name, "fault", str(error))
    except Exception as error:  # an accepted architecture must run
        return Fault(name, type(error).__name__, str(error))
    return None


def _kind(sentence: str) -> str:
    """``run_check`` tells what was raised by its class before the sentence."""
    first, found, _ = sentence.partition(": ")
    return first if found and first.isidentifier() and first.endswith("Error") else "fault"


def chosen(seed: int, turns: int) -> list[str]:
    """What is asked of the architecture of a seed: all of our own, and of the library's one in ``turns``, in turn."""
    ours = [check.__name__ for check in OWN]
    return ours + list(LIBRARY)[seed % turns :: turns]


def _loud() -> warnings.catch_warnings:  # type: ignore[type-arg]
    torch.set_num_threads(1)
    return warnings.catch_warnings(action="error")
