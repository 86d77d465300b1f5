"""Where a loss that is not a number began."""

from typing import Any

import torch
from torch import Tensor, nn

from ..core import SequenceLayer, named_leaves


def where_it_began(model: SequenceLayer, x: Tensor, state: Any, lengths: Tensor | None, update: int) -> str:
    """One sentence: the input, a weight, the carried state, the first layer to give it, or the loss itself."""
    place = _first_bad(x, lengths)
    if place is not None:
        row, step, feature = place
        return f"the input is not finite: feature {feature} at step {step} of row {row}. Clean the data."
    for name, parameter in model.named_parameters():
        if not bool(parameter.isfinite().all()):
            return (
                f"the weights {name} were already not finite before update {update}: the update before made them so. "
                "Lower learning_rate or clip_norm."
            )
    for name, leaf in named_leaves(state or ()).items():
        if leaf.is_floating_point() and bool(leaf.isnan().any()):
            return f"the carried state {name} holds NaN. Lower learning_rate, or train without carry_state."
    return _first_module(model, x, state, lengths)


def _first_module(model: SequenceLayer, x: Tensor, state: Any, lengths: Tensor | None) -> str:
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
            model(x, state, lengths)
    finally:
        for hook in hooks:
            hook.remove()
    if found:
        return f"the first layer whose output is not finite is {found[0]}. Lower learning_rate or clip_norm."
    return "every layer's output is finite, so the loss function made it: look at the targets."


def _first_bad(x: Tensor, lengths: Tensor | None) -> tuple[int, int, int] | None:
    from ..core import fill_padding

    bad = (~fill_padding(x, lengths).isfinite()).nonzero()
    return None if len(bad) == 0 else (int(bad[0, 0]), int(bad[0, 1]), int(bad[0, 2]))
