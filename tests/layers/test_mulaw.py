"""Mu-law codes against the formula in plain Python.

Axes: B batch, T time steps, C channels.
"""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from layers.close import close
from ostinato.errors import ConfigError, ContractError
from ostinato.layers import GRU, Chain, MuLawDecode, MuLawEncode

samples = st.floats(-1, 1)
classes = st.sampled_from([2, 3, 16, 255, 256, 1024])


def compressed(x: float, mu: int) -> float:
    """van den Oord et al. 2016, section 2.2."""
    return math.copysign(math.log(1 + mu * abs(x)) / math.log(1 + mu), x)


def expanded(f: float, mu: int) -> float:
    return math.copysign(((1 + mu) ** abs(f) - 1) / mu, f)


def level(code: int, mu: int) -> float:
    """Place of a code on the compressed scale: evenly from -1 to 1."""
    return -1 + 2 * code / mu


def encode(x: float | list[float], count: int = 256, dtype: torch.dtype = torch.float64) -> list[float]:
    given = torch.tensor([x] if isinstance(x, float) else x, dtype=dtype).view(1, -1, 1)
    return MuLawEncode(1, count)(given)[0].flatten().tolist()


def every_code(count: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.arange(count, dtype=dtype).view(1, -1, 1)


@settings(max_examples=300, deadline=None)
@given(samples, classes)
def test_the_code_is_the_nearest_level(x, count):
    (code,) = encode(x, count)
    mu = count - 1
    distances = [abs(level(one, mu) - compressed(x, mu)) for one in range(count)]
    assert distances[int(code)] <= min(distances) + 1e-12


@pytest.mark.parametrize("count", [2, 3, 16, 256])
def test_levels_are_the_formula(count):
    y, _ = MuLawDecode(1, count)(every_code(count))
    expected = [expanded(level(code, count - 1), count - 1) for code in range(count)]
    close(y.flatten(), torch.tensor(expected, dtype=torch.float64))


@settings(max_examples=300, deadline=None)
@given(samples, classes)
def test_the_error_is_bounded(x, count):
    mu = count - 1
    y, _ = Chain(MuLawEncode(1, count), MuLawDecode(1, count))(
        torch.tensor(x, dtype=torch.float64).view(1, 1, 1)
    )
    assert abs(y.item() - x) <= ((1 + mu) ** (1 / mu) - 1) * (abs(x) + 1 / mu) + 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("count", [2, 3, 255, 256, 4096])
def test_every_code_comes_back(count, dtype):
    codes = every_code(count, dtype)
    back, _ = Chain(MuLawDecode(1, count), MuLawEncode(1, count))(codes)
    assert torch.equal(back, codes)
    assert back.dtype == dtype


def test_silence_and_the_ends():
    """Silence lies between codes 127 and 128 and goes up; -0.0 is silence too."""
    assert encode([0.0, -0.0, 1e-12, -1e-4, -1.0, 1.0]) == [128.0, 128.0, 128.0, 127.0, 0.0, 255.0]
    assert encode(0.0, 255) == [127.0]
    assert encode(0.0, 258) == [129.0]


def test_what_is_too_loud_is_clipped_and_nan_stays():
    assert encode([7.0, -math.inf, math.inf]) == [255.0, 0.0, 255.0]
    assert math.isnan(encode(math.nan)[0])
    y, _ = MuLawDecode(1)(torch.full((1, 1, 1), math.nan))
    assert bool(y.isnan().all())


def test_codes_are_whole_and_ascend():
    x = torch.linspace(-1.2, 1.2, 50_001)
    y = MuLawEncode()(x.view(1, -1, 1))[0].flatten()
    assert torch.equal(y, y.round())
    assert bool((y.diff() >= 0).all())
    assert torch.equal(y.unique(), torch.arange(256.0))


def test_integers_are_decoded_in_the_dtype_of_the_network():
    codes = torch.tensor([[[0], [128], [255]]])
    decode = MuLawDecode(1)
    assert decode(codes)[0].dtype == torch.float32
    assert decode.double()(codes)[0].dtype == torch.float64
    close(decode(codes)[0], decode(codes.double())[0])
    chain = Chain(MuLawDecode(1), GRU(1, 2)).eval()
    stepper, (whole, _) = chain.stepper(), chain(codes)
    torch.testing.assert_close(torch.stack([stepper.step(step) for step in codes.unbind(1)], dim=1), whole)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: MuLawEncode(1, 1), ConfigError, "classes must be at least 2, got 1: one code says nothing."),
        (lambda: MuLawDecode(1, 1.5), ConfigError, "classes must be a whole number of at least 1, got 1.5."),
        (lambda: MuLawEncode(0), ConfigError, "input_size must be a whole number of at least 1, got 0."),
        (
            lambda: MuLawDecode(1)(torch.tensor([[[3.0], [-0.25]]])),
            ContractError,
            "x holds -0.25 in row 0, step 1, column 0, and codes of this MuLawDecode are the whole numbers 0 to 255.",
        ),
    ],
)
def test_refusals(make, error, sentence):
    with pytest.raises(error, match=re.escape(sentence)):
        make()
