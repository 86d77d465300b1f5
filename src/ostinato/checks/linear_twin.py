"""The same wiring without what can hide a step: what is measured through it is what a layer could see.

A dead relu, a norm of two numbers, which is a sign, or a maximum over small taps hides a step in nearly every draw of
weights and inputs. Without them a layer can only hear more of what it is wired to, never of what it is not.
"""

import copy

from torch import nn

from ..core import SequenceLayer
from ..layers import AvgPool1d, AvgPool2d, GroupNorm, Identity, MaxPool1d, MaxPool2d

RESHAPE = ("GLU", "MultiheadAttention")  # activations that give other features than they take
ACTIVATIONS = tuple(
    getattr(nn.modules.activation, name) for name in nn.modules.activation.__all__ if name not in RESHAPE
)
NORMS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)
MEANS: dict[type[nn.Module], type[nn.Module]] = {MaxPool1d: AvgPool1d, MaxPool2d: AvgPool2d}


def linear_twin(layer: SequenceLayer) -> SequenceLayer:
    """A copy in which activations and the norms of a step pass on what comes, and windows take means."""
    twin = copy.deepcopy(layer)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (*ACTIVATIONS, *NORMS)):
                parent._modules[name] = nn.Identity()
            elif isinstance(child, GroupNorm) and child.over == "step":
                parent._modules[name] = Identity()
            elif type(child) in MEANS:
                # all else of the two is the same: window, stride, padding
                child.__class__ = MEANS[type(child)]
    return twin
