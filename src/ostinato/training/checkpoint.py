"""The checkpoint: everything that a training run needs to go on, in one file that is replaced by one rename.

    tensors     by name
    metadata    "ostinato": facts as JSON, "sha256": of facts and tensors, so that damage is seen

``resuming`` decides what goes in; the other files of the run folder are rebuilt from it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from ..core import Generators, named_leaves, state_from_leaves
from ..errors import BrokenRunError, shortened
from ..runs.reading import parse_json
from ..runs.tensors import TensorInfo, read_tensors, write_tensors
from .nested import pack, unpack
from .progress import Progress

VERSION = 1
PROGRESS = TypeAdapter(Progress)


class CheckpointData:
    """Tensors and facts of a checkpoint, in memory."""

    def __init__(self, tensors: dict[str, Tensor] | None = None, facts: dict[str, Any] | None = None) -> None:
        self.tensors = tensors or {}
        self.facts = facts or {}

    def add_module(self, name: str, values: dict[str, Tensor]) -> None:
        """A state_dict."""
        self.tensors |= {f"{name}/{key}": value for key, value in values.items()}

    def module(self, name: str) -> dict[str, Tensor]:
        """The state_dict that was added."""
        return self._below(f"{name}/")

    def add_nested(self, name: str, value: Any) -> None:
        """An optimizer's or schedule's state_dict."""
        self.facts[name] = pack(value, self.tensors, name)

    def nested(self, name: str) -> Any:
        """The value that was added."""
        return unpack(self.facts[name], self.tensors)

    def add_states(self, states: list[Any]) -> None:
        """States of a layer; None stands for the beginning."""
        self.facts["states"] = [state is not None for state in states]
        for place, state in enumerate(states):
            if state is not None:
                self.tensors |= {f"state/{place}/{key}": leaf for key, leaf in named_leaves(state).items()}

    def states(self, template: Any) -> list[Any]:
        """The states that were added, shaped like ``template``."""
        return [
            state_from_leaves(template, self._below(f"state/{place}/")) if there else None
            for place, there in enumerate(self.facts["states"])
        ]

    def add_random(self, generators: Generators) -> None:
        """The states of the random generators."""
        self.tensors |= {f"random/{name}": state for name, state in generators.states().items()}

    def restore_random(self, generators: Generators) -> None:
        """Restore the generators.

        Older files hold the states of the process's generators, which gave the same numbers.
        """
        generators.restore(self._below("random/"))

    def _below(self, prefix: str) -> dict[str, Tensor]:
        return {key[len(prefix) :]: value for key, value in self.tensors.items() if key.startswith(prefix)}


def write_checkpoint(path: Path, parts: CheckpointData, progress: Progress) -> None:
    """Replace the checkpoint.

    Raises:
        RunError: the system does not let us write there.
    """
    facts = json.dumps(parts.facts | {"version": VERSION, "progress": pack(asdict(progress), {}, "progress")})
    arrays = to_arrays(parts.tensors)
    write_tensors(path, arrays, {"ostinato": facts, "sha256": _digest(facts, arrays)})


def read_checkpoint(
    path: Path, expected: "ExpectedContents | None" = None
) -> tuple[CheckpointData, Progress]:
    """Read a checkpoint; its tensors are on the CPU.

    Args:
        expected: what a checkpoint of this training run may hold; None: anything.

    Raises:
        BrokenRunError: the file is damaged, or not a checkpoint of this version or this training.
    """
    arrays, metadata = read_tensors(
        path, check=expected and (lambda header: expected.check(header, str(path)))
    )
    if not {"ostinato", "sha256"} <= set(metadata):
        raise BrokenRunError(f"{path} is not a checkpoint of ostinato. Start again with --force.")
    text = metadata["ostinato"]
    if metadata["sha256"] != _digest(text, arrays):
        raise BrokenRunError(f"{path} is damaged: its checksum does not match. Start again with --force.")
    facts = parse_json(text.encode(), f"the metadata of {path}")
    if not isinstance(facts, dict) or facts.get("version") != VERSION:
        raise BrokenRunError(f"{path} is not a checkpoint of version {VERSION}. Start again with --force.")
    parts = CheckpointData({name: torch.from_numpy(array) for name, array in arrays.items()}, facts)
    try:
        progress = PROGRESS.validate_python(parts.nested("progress"))
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenRunError(f"{path} does not say how far the training run was ({error!r}).") from None
    return parts, progress


class ExpectedContents(NamedTuple):
    """What a checkpoint of a training run may hold, compared with the header before tensors are read.

    shapes  of the trained module's tensors, which there are under two names: present and best
    others  bytes of everything else, at most
    """

    shapes: dict[str, list[int]]
    others: int

    def check(self, header: Mapping[str, TensorInfo], where: str) -> None:
        """Refuse the header of another training's checkpoint, or one that announces too much.

        Raises:
            BrokenRunError: it is one.
        """
        others = 0
        for name, tensor in header.items():
            part, _, key = name.partition("/")
            if part not in ("model", "best"):
                others += tensor.nbytes
            elif tensor.shape != self.shapes.get(key):
                has = f"{tuple(self.shapes[key])}" if key in self.shapes else "no such tensor"
                raise BrokenRunError(
                    f"{where}: {shortened(name)} is {tensor.dtype} {tuple(tensor.shape)}, the model has {has}. "
                    "It belongs to another model: start again with --force."
                )
        if others > self.others:
            raise BrokenRunError(
                f"{where} announces {others:,} bytes beside the weights; this training run keeps at most "
                f"{self.others:,}. Start again with --force."
            )


def load_module(module: nn.Module, values: dict[str, Tensor], where: str) -> None:
    """Put a state_dict from a file into a module. Raises what ``check_fits`` raises."""
    check_fits(module, values, where)
    module.load_state_dict(values)


def check_fits(module: nn.Module, values: dict[str, Tensor], where: str) -> None:
    """Refuse a state_dict of another module.

    Raises:
        BrokenRunError: names, shapes or kinds of numbers are not those of the module.
    """
    expected = module.state_dict()
    for name in sorted(set(expected) ^ set(values)):
        problem = "lacks" if name in expected else "has the unknown"
        raise BrokenRunError(f"{where} {problem} tensor {name!r}: it belongs to another model.")
    for name, value in values.items():
        if value.shape != expected[name].shape or value.dtype != expected[name].dtype:
            raise BrokenRunError(
                f"{where}: {name} is {value.dtype} {tuple(value.shape)}, the model has {expected[name].dtype} "
                f"{tuple(expected[name].shape)}."
            )


def to_arrays(values: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """A state_dict for ``write_tensors``."""
    return {name: value.detach().cpu().numpy() for name, value in values.items()}


def _digest(facts: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(facts.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)  # no copy of a large one
    return digest.hexdigest()
