"""All that is asked of an architecture: definitions of our own, and the checks of the library."""

import warnings
from dataclasses import dataclass

import torch

from contract.architectures import ends, nestings, owing, reach, streaming
from contract.architectures.feeding import draw_of
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
    ends.lasts,
    ends.tails_learn,
    owing.flush_counts,
    owing.flush_values,
    owing.flush_joins,
    owing.flush_ragged,
    nestings.brackets,
]
WEAK: list[Oracle] = [reach.receptive_field_is_tight, nestings.refused_alike]  # told, and no failure
LIBRARY = {f"check:{check.name}": check for check in CHECKS}
NAMES = [*(check.__name__ for check in OWN), *LIBRARY]
WARNINGS = [check.__name__ for check in WEAK]
TURNS = 5
BY_NAME = {check.__name__: check for check in (*OWN, *WEAK)}


@dataclass(frozen=True)
class Fault:
    """What one check said."""

    check: str
    kind: str  # "fault", or the class of what was raised
    sentence: str


def refusal(architecture: Architecture, seed: int) -> str | Fault | None:
    """Why it cannot be built: a sentence of the library, a fault where it was no sentence, None where it can."""
    try:
        with _loud():
            Examined.of(architecture, seed)
    except OstinatoError as error:
        return str(error) or Fault("build", type(error).__name__, "an empty sentence")
    except Exception as error:
        return Fault("build", type(error).__name__, str(error))
    return None


def ask(architecture: Architecture, seed: int, name: str) -> Fault | None:
    """One check of a new layer, with the weights of the seed."""
    try:
        with _loud():
            subject = Examined.of(architecture, seed)
            if name in LIBRARY:
                outcome = run_check(LIBRARY[name], subject.layer, draw_of(architecture, subject.layer), seed)
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


def chosen(seed: int, thorough: bool) -> list[str]:
    """What is asked of the architecture of a seed: all of our own, and in turn some of the library's."""
    ours = [check.__name__ for check in OWN]
    return NAMES if thorough else ours + list(LIBRARY)[seed % TURNS :: TURNS]


def _loud() -> warnings.catch_warnings:  # type: ignore[type-arg]
    torch.set_num_threads(1)
    return warnings.catch_warnings(action="error")
