"""A search for architectures that break the contract: random nestings of all layers, seen as black boxes.

    python -m contract.architectures --seed 123          one architecture, and every fault that is found
    python -m contract.architectures --count 5000 --jobs 2

A seed gives an ``Architecture``, a value that prints as the source that builds it. What a layer declares is held to
what is measured here, by definitions of our own; ``ostinato.checks`` runs beside them. A failure is shrunk to the
smallest architecture that still fails in the same way.
"""
