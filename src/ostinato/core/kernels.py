"""Kernels: several ways to compute the same numbers. They are tried in order; the first that does not refuse runs.

A kernel refuses a single call (its dtype, lengths, masks ...) by returning the reason. Refusals are counted, logged
once each to ``ostinato.kernels``, and shown by ``ostinato.ops.backends()`` and ``ostinato env``.

``OSTINATO_BACKEND`` names the kernels to try first. It is read when ``ostinato.ops`` is imported; an unknown name is
refused at the first call, not at the import, so that ``ostinato env`` can still show what there is.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch

from ..errors import BackendError

ENVIRONMENT = "OSTINATO_BACKEND"
DEFINITION = "naive"  # defines the numbers; if it is requested by name, no other kernel is tried
LOG = logging.getLogger("ostinato.kernels")


class Kernel(Protocol):
    """One way to compute an operation; each operation has a signature of its own."""

    name: str

    def refuses(self, *arguments: Any, **options: Any) -> str | None:
        """The reason why this kernel cannot compute this call; None if it can."""
        ...


@dataclass(frozen=True)
class Backend:
    """The kernels of one operation.

    backend: name of the kernel that is tried first; "none" if OSTINATO_BACKEND names a kernel that does not exist.
    refused: the other kernels, and why each is not tried first.
    refusals: number of refused calls by kernel and reason.
    """

    op: str
    backend: str
    refused: dict[str, str]
    refusals: dict[str, dict[str, int]]


class Refusals:
    """Counts refusals and logs each reason once. ``ran``: what ran instead, if not a kernel of an operation."""

    def __init__(self, op: str) -> None:
        self.op, self.ran = op, ""
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, kernel: str, reason: str) -> None:
        """Count one refused call."""
        if not self.counts[kernel, reason]:
            # a kernel requested by name that does not run deserves a warning; the usual fallbacks
            # (a mask needs the loop) are normal, and would be noise
            level = logging.WARNING if os.environ.get(ENVIRONMENT) == kernel else logging.INFO
            LOG.log(level, "%s does not run on %s: %s", self.op, kernel, reason)
        self.counts[kernel, reason] += 1

    def by_kernel(self) -> dict[str, dict[str, int]]:
        """Number of refusals by kernel, then by reason."""
        found: dict[str, dict[str, int]] = {}
        for (kernel, reason), count in self.counts.items():
            found.setdefault(kernel, {})[reason] = count
        return found


K = TypeVar("K", bound=Kernel)


class Operation(Generic[K]):
    """An operation and its kernels, fastest first. The last one defines the numbers and refuses no call."""

    def __init__(self, name: str, *kernels: K) -> None:
        self.name, self.kernels = name, list(kernels)
        self.order: tuple[K, ...] = tuple(kernels)
        self.problem = ""  # why nothing runs
        self.refusals = Refusals(name)
        _operations[name] = self

    def register(self, kernel: K) -> None:
        """Add a kernel that is tried before the existing ones."""
        self.kernels.insert(0, kernel)
        order_kernels()

    def select(self, *arguments: Any, **options: Any) -> K:
        """The first kernel that does not refuse this call.

        Raises:
            BackendError: OSTINATO_BACKEND names a kernel that no operation has.
        """
        for kernel in self.order:
            reason = kernel.refuses(*arguments, **options)
            if reason is None:
                return kernel
            if not torch.compiler.is_compiling():  # a graph must not depend on counts
                self.refusals.add(kernel.name, reason)
        raise BackendError(self.problem or f"{self.name} has no kernel for this call.")

    def backend(self) -> Backend:
        """The kernel that is tried first, why the others are not, and the refusals so far."""
        first = self.order[0].name if self.order else "none"
        wanted = os.environ.get(ENVIRONMENT)
        reason = f"{ENVIRONMENT}={wanted}" if wanted else f"{first} is faster"
        others = {kernel.name: reason for kernel in self.kernels if kernel.name != first}
        return Backend(self.name, first, others, self.refusals.by_kernel())


_operations: dict[str, Operation[Any]] = {}
_steps: dict[str, Refusals] = {}  # of steppers, by the class of the layer


def order_kernels() -> None:
    """Order the kernels of all operations by the current value of OSTINATO_BACKEND."""
    wanted = os.environ.get(ENVIRONMENT)
    known = sorted({kernel.name for operation in _operations.values() for kernel in operation.kernels})
    for operation in _operations.values():
        operation.problem = ""
        if not wanted:
            operation.order = tuple(operation.kernels)
        elif wanted in known:
            operation.order = _first(wanted, operation.kernels)
        else:
            operation.order = ()
            operation.problem = (
                f"{ENVIRONMENT} is {wanted!r}, there are {', '.join(known)}. Unset it to let ostinato choose."
            )


def _first(wanted: str, kernels: Iterable[K]) -> tuple[K, ...]:
    named = [kernel for kernel in kernels if kernel.name == wanted]
    if named and wanted == DEFINITION:
        return tuple(named)
    return (*named, *(kernel for kernel in kernels if kernel.name != wanted))


def step_refusals(layer: str) -> Refusals:
    """The counter of refused steppers of a class of layers."""
    return _steps.setdefault(layer, Refusals(f"step of {layer}"))


def backends() -> list[Backend]:
    """The kernels of every operation, sorted by name; then the layers for which a stepper was refused."""
    steps = [
        Backend(refusals.op, refusals.ran, {}, refusals.by_kernel()) for _, refusals in sorted(_steps.items())
    ]
    return [_operations[name].backend() for name in sorted(_operations)] + steps
