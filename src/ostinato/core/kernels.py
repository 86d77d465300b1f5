"""Kernels: several ways to compute the same numbers. They are tried in order; the first that does not refuse runs.

A kernel refuses a single call (its dtype, lengths, masks ...) by saying why not. Refusals are counted, told once
each in the log ``ostinato.kernels``, and shown by ``ostinato.ops.backends()`` and ``ostinato env``.

``OSTINATO_BACKEND`` names the kernels to ask first. It is read when ``ostinato.ops`` is imported; a name that no kernel
has is refused at the first call, not at the import.
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
DEFINITION = "naive"  # the kernel that defines the numbers; where it is asked for, no other is
LOG = logging.getLogger("ostinato.kernels")


class Kernel(Protocol):
    """One way to compute an operation; what it is called with is the operation's affair."""

    name: str

    def refuses(self, *arguments: Any, **options: Any) -> str | None:
        """Why it cannot do this very call; None where it can."""
        ...


@dataclass(frozen=True)
class Backend:
    """What one operation runs on.

    backend: the kernel that is asked first, "none" where OSTINATO_BACKEND names one that no operation has.
    refused: of the kernels that are not asked before it, why not.
    refusals: how often a kernel refused a call, by its name and its reason.
    """

    op: str
    backend: str
    refused: dict[str, str]
    refusals: dict[str, dict[str, int]]


class Refusals:
    """Counts why not, and tells each reason once. ``ran``: what ran instead, where it is no kernel of an operation."""

    def __init__(self, op: str) -> None:
        self.op, self.ran = op, ""
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, kernel: str, reason: str) -> None:
        """One more."""
        if not self.counts[kernel, reason]:
            # what somebody asked for by name and does not get is a warning; that masks need the loop is not
            level = logging.WARNING if os.environ.get(ENVIRONMENT) == kernel else logging.INFO
            LOG.log(level, "%s does not run on %s: %s", self.op, kernel, reason)
        self.counts[kernel, reason] += 1

    def by_kernel(self) -> dict[str, dict[str, int]]:
        """Reasons and their counts by the name of the kernel."""
        found: dict[str, dict[str, int]] = {}
        for (kernel, reason), count in self.counts.items():
            found.setdefault(kernel, {})[reason] = count
        return found


K = TypeVar("K", bound=Kernel)


class Operation(Generic[K]):
    """An operation and its kernels, the fastest first; the last defines the numbers and refuses nothing."""

    def __init__(self, name: str, *kernels: K) -> None:
        self.name, self.kernels = name, list(kernels)
        self.order: tuple[K, ...] = tuple(kernels)
        self.problem = ""  # why nothing runs
        self.refusals = Refusals(name)
        _operations[name] = self

    def register(self, kernel: K) -> None:
        """Ask this kernel before those that are there."""
        self.kernels.insert(0, kernel)
        order_kernels()

    def select(self, *arguments: Any, **options: Any) -> K:
        """The kernel for this very call.

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
        """What it runs on, and why not on others."""
        first = self.order[0].name if self.order else "none"
        wanted = os.environ.get(ENVIRONMENT)
        reason = f"{ENVIRONMENT}={wanted}" if wanted else f"{first} is faster"
        others = {kernel.name: reason for kernel in self.kernels if kernel.name != first}
        return Backend(self.name, first, others, self.refusals.by_kernel())


_operations: dict[str, Operation[Any]] = {}
_steps: dict[str, Refusals] = {}  # of steppers, by the class of the layer


def order_kernels() -> None:
    """Put the kernels of all operations in the order in which they are asked, as OSTINATO_BACKEND wants it now."""
    wanted = os.environ.get(ENVIRONMENT)
    known = sorted({kernel.name for one in _operations.values() for kernel in one.kernels})
    for one in _operations.values():
        one.problem = ""
        if not wanted:
            one.order = tuple(one.kernels)
        elif wanted in known:
            one.order = _first(wanted, one.kernels)
        else:
            one.order = ()
            one.problem = (
                f"{ENVIRONMENT} is {wanted!r}, there are {', '.join(known)}. Unset it to let ostinato choose."
            )


def _first(wanted: str, kernels: Iterable[K]) -> tuple[K, ...]:
    named = [kernel for kernel in kernels if kernel.name == wanted]
    if named and wanted == DEFINITION:
        return tuple(named)
    return (*named, *(kernel for kernel in kernels if kernel.name != wanted))


def step_refusals(layer: str) -> Refusals:
    """Where refusals of steppers for a class of layers are counted."""
    return _steps.setdefault(layer, Refusals(f"step of {layer}"))


def backends() -> list[Backend]:
    """What every operation runs on, by name; then the layers for whose single steps a stepper was refused."""
    steps = [Backend(one.op, one.ran, {}, one.by_kernel()) for _, one in sorted(_steps.items())]
    return [_operations[name].backend() for name in sorted(_operations)] + steps
