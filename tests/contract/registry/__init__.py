"""Every layer and every model of the package: one line in the file of its family, and all checks run on it."""

from contract.registry import (
    blocks,
    combined,
    convolution,
    features,
    frequencies,
    models,
    norms,
    recurrent,
    sound,
)
from contract.registry.case import Case

LAYERS: dict[str, Case] = {
    **recurrent.CASES,
    **convolution.CASES,
    **frequencies.CASES,
    **norms.CASES,
    **features.CASES,
    **combined.CASES,
    **sound.CASES,
    **blocks.CASES,
    **models.CASES,
}

__all__ = ["LAYERS", "Case"]
