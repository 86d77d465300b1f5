"""Locate the origin of a non-finite loss or gradient.

Axes: B rows, T steps, F features.
"""

from typing import Any

import torch
from torch import Tensor, nn

from ..core import SequenceLayer, fill_padding, named_leaves
from ..data.piece import Piece

REMEDY = "Lower learning_rate or clip_norm."


def locate_nonfinite_loss(model: SequenceLayer, piece: Piece, state: Any) -> str:
    """One sentence: the input, a weight, the carried state, the first layer to give it, or the loss itself."""
    return (
        _bad_input(piece)
        or locate_nonfinite_weights(model)
        or _bad_state(state)
        or _bad_layer(model, piece, state)
        or "every layer's output is finite, so the loss function made it: look at the targets."
    )


def locate_nonfinite_weights(model: nn.Module) -> str:
    """Which weights are not finite; "" if all are."""
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            return f"the weights {name} are not finite: the update before made them so. {REMEDY}"
    return ""


def locate_nonfinite_gradient(model: nn.Module, piece: Piece) -> str:
    """The input, or a weight whose gradient is not finite while the loss is; "" if all gradients are."""
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
            return _bad_input(piece) or f"that of {name}, though the loss is. {REMEDY}"
    return ""


def _bad_input(piece: Piece) -> str:
    bad = (~fill_padding(piece.x, piece.lengths).isfinite()).nonzero()
    if len(bad) == 0:
        return ""
    row, step, *feature = bad[0].tolist()
    return (
        f"the input is not finite: feature {', '.join(map(str, feature))} at step {step} of row {row}, step "
        f"{piece.source_step(row, step)} of the training data. Clean the data."
    )


def _bad_state(state: Any) -> str:
    for name, leaf in named_leaves(() if state is None else state).items():
        if bool(leaf.isnan().any()):
            return f"the carried state {name} holds NaN. Lower learning_rate, or train without carry_state."
    return ""


def _bad_layer(model: SequenceLayer, piece: Piece, state: Any) -> str:
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            y = output[0] if isinstance(output, tuple) else output
            if not found and isinstance(y, Tensor) and not bool(y.isfinite().all()):
                found.append(f"{name or 'the model'} ({type(module).__name__})")

        return hook

    hooks = [module.register_forward_hook(look(name)) for name, module in model.named_modules()]
    try:
        with torch.no_grad():
            model(piece.x, state, piece.lengths)
    finally:
        for hook in hooks:
            hook.remove()
    return f"the first layer whose output is not finite is {found[0]}. {REMEDY}" if found else ""
