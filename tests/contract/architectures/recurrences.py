"""Random recurrent layers and linear recurrences."""

from random import Random
from typing import Any

from contract.architectures.simple import Leaf, flags, out
from contract.architectures.tree import Node, node

GATED = ["RNN", "LSTM", "GRU", "PeepholeLSTM", "CoupledLSTM", "LayerNormRNN", "LayerNormLSTM", "LayerNormGRU"]
OWN: dict[str, list[dict[str, Any]]] = {
    "RNN": [{}, {"nonlinearity": "relu"}],
    "LSTM": [{}, {"proj_size": 2}],
    "GRU": [{}, {"reset": "before"}, {"update": "renew"}],
    "PeepholeLSTM": [{}, {"peepholes": "full"}],
    "LayerNormRNN": [{}, {"nonlinearity": "relu"}],
}


def options(rng: Random) -> dict[str, Any]:
    """Of any recurrent layer."""
    chosen: dict[str, Any] = flags(rng, bias=0.15, bidirectional=0.12, residual=0.15)
    if "bidirectional" not in chosen and rng.random() < 0.08:
        chosen["reverse"] = True
    if rng.random() < 0.15:
        chosen[rng.choice(["dropout", "input_dropout", "state_dropout", "weight_dropout", "zoneout"])] = 0.3
    return chosen


def gated(rng: Random, size: int) -> Node:
    kind = rng.choice(GATED)
    layers = (2,) if rng.random() < 0.25 else ()
    return node(kind, size, max(out(rng), 3), *layers, **rng.choice(OWN.get(kind, [{}])), **options(rng))


def context(rng: Random, size: int) -> Node:
    return node("ContextGRU", size, out(rng), 2, **options(rng))


def linear(rng: Random, size: int) -> Node:
    after = out(rng)
    made = [
        node("LRU", size, 3, *rng.choice([(), (after,)]), **rng.choice([{}, {"skip": False}])),
        node("QRNN", size, after, rng.randint(1, 3), pooling=rng.choice(["f", "fo", "ifo"])),
        node(
            "SRU",
            size,
            after,
            **rng.choice([{}, {"gates": "state"}, {"activation": "tanh"}, {"highway": False}]),
        ),
        node("MinGRU", size, after, **rng.choice([{}, {"candidate": "positive"}])),
        node("MinLSTM", size, after, **rng.choice([{}, {"candidate": "positive"}])),
    ]
    return rng.choice(made)


RECURRENT: list[tuple[float, Leaf]] = [(2.5, gated), (0.3, context), (2, linear)]
