"""Spectra, codes and positions."""

from torch import nn

from contract.inputs import codes
from contract.registry.case import Case
from ostinato.core import SequenceLayer
from ostinato.layers import (
    GRU,
    ISTFT,
    STFT,
    ApplyMask,
    Chain,
    Conv1d,
    Dense,
    Embedding,
    Flatten,
    Magnitude,
    MelFilter,
    MuLawDecode,
    MuLawEncode,
    OneHot,
    Pointwise,
    PositionalFeatures,
    Residual,
    UNet,
    Unflatten,
)


def masked(size: tuple[int, int], network: SequenceLayer) -> SequenceLayer:
    """Frames times the mask that a network makes of their magnitudes."""
    magnitudes = frequencies, channels = size[0], size[1] // 2
    last = Chain(Dense(network.output_size, frequencies * channels), Pointwise(nn.Sigmoid()))
    return ApplyMask(Chain(Magnitude(size), Flatten(magnitudes), network, last, Unflatten(magnitudes)))


CASES: dict[str, Case] = {
    "STFT": Case(lambda: STFT(2, 8, 4)),
    "STFT-uneven": Case(lambda: STFT(1, 7, 3, "boxcar")),
    "STFT-analysis": Case(lambda: STFT(1, 6, 1, latency=0)),
    "STFT-gaps": Case(lambda: STFT(1, 3, 5, ("kaiser", 4.0))),
    "ISTFT": Case(lambda: ISTFT(2, 8, 4)),
    "ISTFT-uneven": Case(lambda: ISTFT(1, 7, 3, "hamming")),
    "ISTFT-apart": Case(lambda: ISTFT(1, 4, 4, "boxcar")),
    "Magnitude": Case(lambda: Magnitude((3, 4))),
    "Magnitude-log": Case(lambda: Magnitude((3, 2), power=2, log=True, floor=0.1)),
    "ApplyMask": Case(lambda: masked((3, 4), GRU(6, 4))),
    "ApplyMask-lookahead": Case(lambda: masked((3, 2), Conv1d(3, 4, 4, latency=2))),
    "ApplyMask-blocks": Case(
        lambda: masked(
            (3, 2), Chain(UNet(3, (4, 4), 2, norm=None, activation="elu"), Conv1d(4, 4, 3, latency=1))
        )
    ),
    "ApplyMask-complex": Case(lambda: ApplyMask(Chain(Flatten((3, 2)), GRU(6, 6), Unflatten((3, 2))))),
    "ApplyMask-spectrum": Case(lambda: Chain(STFT(2, 8, 3), masked((5, 4), GRU(10, 3)), ISTFT(2, 8, 3))),
    "ApplyMask-spectrum-lookahead": Case(
        lambda: Chain(STFT(1, 4, 2), masked((3, 2), Conv1d(3, 2, 3, latency=1)), ISTFT(1, 4, 2))
    ),
    "MelFilter": Case(lambda: MelFilter((9, 2), 3, 8000)),
    "MelFilter-slaney": Case(lambda: MelFilter((9, 1), 3, 8000, low=100, formula="slaney", equal_area=True)),
    "MuLawEncode": Case(lambda: MuLawEncode(3)),
    "MuLawDecode": Case(lambda: MuLawDecode(2, classes=5), codes),
    "Embedding": Case(lambda: Embedding(5, 4, columns=2), codes),
    "Embedding-padding": Case(lambda: Embedding(5, 3, columns=2, padding_idx=1), codes),
    "Embedding-chain": Case(lambda: Chain(Embedding(5, 3, columns=2), GRU(6, 4)), codes),
    "OneHot": Case(lambda: OneHot(5, columns=2), codes),
    "PositionalFeatures": Case(lambda: PositionalFeatures(3)),
    "PositionalFeatures-beside": Case(lambda: PositionalFeatures(3, 5, mode="concat", longest=20)),
    "PositionalFeatures-chain": Case(lambda: Chain(Conv1d(3, 4, 2), Residual(PositionalFeatures(4)))),
}
