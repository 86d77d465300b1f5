"""The same wiring without what can hide a step: what is measured through it is what a layer could see.

A dead relu, or a norm of two numbers, which is a sign, hides a step in nearly every draw of weights and inputs. Taking
such parts out can only make a layer hear more of what it is wired to, never of what it is not.
"""

import copy

from torch import nn

from ..core import SequenceLayer
from ..layers import GroupNorm, Identity

RESHAPE = ("GLU", "MultiheadAttention")  # activations that give other features than they take
ACTIVATIONS = tuple(
    getattr(nn.modules.activation, name) for name in nn.modules.activation.__all__ if name not in RESHAPE
)
NORMS = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)


def linear_twin(layer: SequenceLayer) -> SequenceLayer:
    """A copy in which activations and the norms of a step pass on what comes."""
    twin = copy.deepcopy(layer)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (*ACTIVATIONS, *NORMS)):
                parent._modules[name] = nn.Identity()
            elif isinstance(child, GroupNorm) and child.over == "step":
                parent._modules[name] = Identity()
    return twin
