import pytest
import torch

from ddspcore.builtin.known import KnownNoise, NoiseError
from ddspcore.dsp.filters import zero_phase


@pytest.fixture
def known(ctx):
    return KnownNoise(KnownNoise.Options(realisations=12), ctx)


def measured(evaluate, told, batch, magnitudes):
    batches = [batch | {"noise_magnitudes": magnitudes}]
    return evaluate(NoiseError, told(noise=lambda b: b["audio"]), batches)


def test_known_noise_has_the_power_that_its_filter_says(known):
    batch = known.batch("train", range(12))
    magnitudes = batch["true_noise_magnitudes"]
    response = magnitudes @ zero_phase(65, 256, magnitudes.device, magnitudes.dtype)
    bins = torch.full((129,), 2.0 / 256)
    bins[[0, -1]] = 1.0 / 256
    # White noise in [-1, 1) has a power of a third; the ends of a trajectory count half.
    expected = (response.square() @ bins)[:, 1:-1].mean() / 3.0
    assert batch["audio"].square().mean().item() == pytest.approx(expected.item(), rel=0.05)


def test_items_are_other_realisations_and_nothing_is_held_out(known):
    first, second = (known.batch("train", [index])["audio"] for index in (0, 1))
    assert torch.cosine_similarity(first, second).abs() < 0.1
    assert known.count("val") == 0


@pytest.mark.parametrize("gain", [1.0, 0.5, 1.25])
def test_a_gain_is_the_error_and_the_bias(evaluate, told, known, gain):
    batch = known.batch("train", [0])
    found = measured(evaluate, told, batch, gain * batch["true_noise_magnitudes"])
    db = 20.0 * torch.tensor(gain).log10().item()
    assert found["noise-level"] == pytest.approx(db, abs=1e-4)
    assert found["noise-error"] == pytest.approx(abs(db), abs=1e-4)
    assert found["noise-bias"] == abs(found["noise-level"])


def test_what_has_no_response_is_no_error(evaluate, told, known):
    batch = known.batch("train", [0])
    alternating = 0.5 * (-1.0) ** torch.arange(65)
    found = measured(evaluate, told, batch, batch["true_noise_magnitudes"] + alternating)
    assert found["noise-error"] < 0.05


def test_powers_are_averaged_before_they_are_compared(evaluate, told, known):
    batch = known.batch("train", [0])
    flicker = torch.ones(126, 1)
    flicker[::2], flicker[1::2] = 1.5**0.5, 0.5**0.5
    found = measured(evaluate, told, batch, batch["true_noise_magnitudes"] * flicker)
    assert found["noise-error"] < 0.2


def test_filters_of_other_bands_compare(evaluate, told, known):
    batch = known.batch("train", [0])
    batch["true_noise_magnitudes"] = torch.full((1, 126, 65), 0.2)
    found = measured(evaluate, told, batch, torch.full((1, 126, 17), 0.2))
    assert found["noise-error"] < 1e-3
