"""Running the checks on one layer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ..core import Generators, SequenceLayer, class_name, drawing_from, known_device
from ..errors import CheckError
from .catalogue import CHECKS, Check
from .subject import Draw, Subject


@dataclass(frozen=True)
class CheckResult:
    """Result of one check on one layer."""

    check: str
    excuse: str | None = None  # the declared property that excuses the layer
    fault: str | None = None  # the message of the failure

    @property
    def mark(self) -> str:
        """One word for a table."""
        return "FAULT" if self.fault else "-" if self.excuse else "ok"


@dataclass(frozen=True)
class CheckReport:
    """Results of all checks on one layer."""

    layer: str
    results: list[CheckResult]

    @property
    def faults(self) -> list[CheckResult]:
        """The checks that failed."""
        return [result for result in self.results if result.fault]

    def summary(self) -> str:
        """The report as text."""
        if self.faults:
            listed = "\n".join(f"  {fault.check}: {fault.fault}" for fault in self.faults)
            return f"{self.layer} breaks {len(self.faults)} of {len(self.results)} checks:\n{listed}"
        excused = sum(result.excuse is not None for result in self.results)
        return (
            f"{self.layer} keeps the contract: {len(self.results) - excused} checks passed, {excused} exempt."
        )


def run_check(
    check: Check,
    layer: SequenceLayer,
    inputs: Draw | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> CheckResult:
    """One check. A crash within the layer is a fault too: the promise was not kept."""
    excuse = check.excuse(layer)
    if excuse:
        return CheckResult(check.name, excuse=excuse)
    try:
        with _full_float32():
            check.function(Subject.of(layer, inputs, seed, device))
    except CheckError as error:
        return CheckResult(check.name, fault=str(error))
    except Exception as error:  # whatever a user's layer raises is what we report
        return CheckResult(check.name, fault=f"{type(error).__name__}: {error}")
    return CheckResult(check.name)


@contextmanager
def _full_float32() -> Iterator[None]:
    """cuDNN without TF32: it would round what float32 holds to 10 bits, and pieces would join to a few 1e-4 only."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def check_layer(
    layer: SequenceLayer,
    inputs: Draw | None = None,
    checks: Sequence[Check] = CHECKS,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> CheckReport:
    """Run every check on a private copy of ``layer``.

    Args:
        layer: any ``SequenceLayer``, yours too.
        inputs: makes x (B, T, I) in float64 from batch, steps and a generator; None draws normal numbers.
        checks: the checks to run.
        seed: of all random choices.
        device: where the copy runs, ``cuda`` too; the inputs are the same numbers there. float32 is checked without
            TF32, which torch else uses for convolutions and recurrences on a GPU.

    Returns:
        A report; ``summary()`` gives it as text.

    Raises:
        CheckError: a promise is broken; the message lists every fault.
        ShapeError: torch has no such device on this machine.

    A layer of your own, in a few lines:

    >>> from ostinato.core import SequenceLayer
    >>> class Doubled(SequenceLayer):
    ...     input_size = 3
    ...
    ...     def run(self, x, state, lengths):
    ...         return 2 * x, ()
    >>> print(check_layer(Doubled()).summary())
    Doubled keeps the contract: 20 checks passed, 1 exempt.
    """
    if not isinstance(layer, SequenceLayer):
        raise CheckError(
            f"the checks are for SequenceLayers, got {type(layer).__name__}. Wrap it, as in Pointwise."
        )
    known_device(device)
    Subject.of(layer, inputs, seed, device)  # makes inputs once, not in every check
    with drawing_from(Generators(seed)):
        results = [run_check(check, layer, inputs, seed, device) for check in checks]
    report = CheckReport(class_name(layer), results)
    if report.faults:
        raise CheckError(report.summary())
    return report
