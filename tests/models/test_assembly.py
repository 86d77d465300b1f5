"""Front, body and head: any body takes what any front gives, and gives what any task asks."""

import numpy as np
import pytest
import torch

from contract.registry.models import MODEL_OPTIONS
from ostinato.errors import ConfigError
from ostinato.layers import STFT
from ostinato.models import MODELS, OutputHead, assemble, build, fronts


def numbers(*features):
    return lambda steps: torch.randn(2, steps, *features)


FRONTS = {
    "values": (lambda: fronts.values(3), numbers(3)),
    "codes": (lambda: fronts.codes(9, 4, 2), lambda steps: torch.randint(0, 9, (2, steps, 2))),
    "wave": (lambda: fronts.wave(5, 8, 4), numbers(1)),
    "spectrogram": (lambda: fronts.spectrogram(32, 8, 6, 8000.0), numbers(1)),
    "frames": (lambda: fronts.frames((5, 2), 4), numbers(5, 2)),
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("name", ["gru", "cnn"])
def test_any_body_takes_what_any_front_gives_and_streams(front, name):
    torch.manual_seed(0)
    make, draw = FRONTS[front]
    model = assemble(make(), name, MODEL_OPTIONS[name], OutputHead(7)).eval()
    x = draw(96)
    with torch.inference_mode():
        y, _ = model(x)
        state, chunks = None, []
        for chunk in x.split([17, 1, 40, 38], dim=1):
            out, state = model(chunk, state)
            chunks.append(out)
    assert y.shape == (2, int(96 / make().stride), 7)
    torch.testing.assert_close(torch.cat(chunks, 1), y, rtol=1e-5, atol=1e-5)


def test_a_spectrogram_is_the_logarithm_of_the_energy_in_bands():
    torch.manual_seed(0)
    front, x = fronts.spectrogram(32, 8, 6, 8000.0).double(), torch.randn(1, 96, 1, dtype=torch.float64)
    y = front(x)[0][0].numpy()
    padded = np.concatenate([np.zeros(24), x[0, :, 0].numpy()])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    for frame in range(12):
        energy = np.abs(np.fft.rfft(window * padded[8 * frame : 8 * frame + 32])) ** 2
        bands = front.mel(torch.from_numpy(energy)[None, None, :, None])[0][0, 0, :, 0].numpy()
        expected = np.log(bands + 1e-5)
        np.testing.assert_allclose(y[frame], expected, rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_a_head_is_replaced_and_the_body_stays(name):
    """As many outputs as asked for; only the tensors of the head differ in shape, and they can begin at 0."""
    torch.manual_seed(0)
    one = build(name, MODEL_OPTIONS[name], 3, OutputHead(1)).state_dict()
    many = build(name, MODEL_OPTIONS[name], 3, OutputHead(5, zero=True)).eval()
    differ = [key for key, value in many.state_dict().items() if value.shape != one[key].shape]
    assert len(differ) == 2
    assert list(many.state_dict()) == list(one)
    assert not many(torch.randn(2, 20, 3))[0].any()
    kept = {key: value for key, value in one.items() if key not in differ}
    assert many.load_state_dict(kept, strict=False).missing_keys == differ


def test_a_number_is_a_plain_head():
    networks = []
    for head in (2, OutputHead(2)):
        torch.manual_seed(0)
        networks.append(build("gru", {}, 3, head).state_dict())
    assert all(torch.equal(value, networks[1][key]) for key, value in networks[0].items())


def test_what_does_not_fit_is_refused():
    with pytest.raises(
        ConfigError, match=r"the front gives \(17, 2\) features, and networks take a number of them"
    ):
        assemble(STFT(1, 32, 8), "gru", {}, OutputHead(1))
    with pytest.raises(ConfigError, match="a head must give at least 1 output, got 0"):
        OutputHead(0)
