"""Sound: its spectrum and back, masks on it, mel bands, and samples as codes."""

from .masks import ApplyMask, Magnitude
from .mel import MelFilter
from .mulaw import MuLawDecode, MuLawEncode
from .spectral import ISTFT, STFT

__all__ = ["ISTFT", "STFT", "ApplyMask", "Magnitude", "MelFilter", "MuLawDecode", "MuLawEncode"]
