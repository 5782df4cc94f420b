"""Losses on waveforms and controls, against values worked out by hand."""

import math

import pytest
import torch

losses = pytest.importorskip("ddsp_dgen.losses", reason="ddsp-dgen is not installed")

ROWS = 8


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[None, :, None]


@pytest.fixture
def controls() -> dict[str, torch.Tensor]:
    """Return two windows, one voiced, and eight rows."""
    return {
        "harmonic_gain": torch.full((1, ROWS, 1), 0.1),
        "noise_gain": torch.full((1, ROWS, 1), 0.01),
        "voicing": column(1.0, 0.0),
        "loudness_db": column(-20.0, -40.0),
    }


def test_the_published_mse(tones):
    assert losses.Mse()(*tones).item() == pytest.approx(0.04516812, rel=2e-7)


def test_decibel_loudness(controls):
    def unit(gain: float) -> float:
        return (20 * math.log10(gain + 1e-4) + 80) / 80

    expected = abs(unit(0.1) - 0.75) + abs(unit(0.01) - 0.5) + (ROWS - 2) * unit(0.01)
    loss = losses.DecibelLoudness()(controls)
    assert loss.item() == pytest.approx(expected / ROWS, rel=1e-5)


def test_linear_loudness(controls):
    expected = (0.1 - 0.75) ** 2 + (0.01 - 0.5) ** 2 + (ROWS - 2) * 0.01**2
    assert losses.LinearLoudness()(controls).item() == pytest.approx(expected / ROWS, rel=1e-5)


def test_decibel_loudness_saturates(controls):
    controls["voicing"] = torch.ones(1, ROWS, 1)
    controls["loudness_db"] = torch.zeros(1, ROWS, 1)
    for gain, distance in ((0.0, 1.0), (1.0, 0.0), (3.0, 0.0)):
        controls["harmonic_gain"] = torch.full((1, ROWS, 1), gain, requires_grad=True)
        loss = losses.DecibelLoudness()(controls)
        assert loss.item() == pytest.approx(distance, abs=1e-6)
        loss.backward()
        assert controls["harmonic_gain"].grad.isfinite().all()


def test_noise_dominance(controls):
    def penalty(ratio: float) -> float:
        return losses.NoiseDominance(losses.NoiseDominance.Options(ratio=ratio))(controls).item()

    assert penalty(1.0) == 0.0
    controls["noise_gain"] = controls["noise_gain"] + 0.5
    assert penalty(1.0) == pytest.approx(0.41**2, rel=1e-5)
    assert penalty(0.0) == pytest.approx(0.51**2, rel=1e-5)


def test_entropy_and_concentration():
    even = {"harmonic_shares": torch.full((1, 3, 16), 1 / 16)}
    single = {"harmonic_shares": torch.nn.functional.one_hot(torch.zeros(1, 3).long(), 16).float()}
    assert losses.Entropy()(even).item() == pytest.approx(0.0, abs=2e-6)
    assert losses.Entropy()(single).item() == pytest.approx(math.log(16), rel=1e-5)
    assert losses.Concentration()(even).item() == pytest.approx(0.0, abs=1e-6)
    assert losses.Concentration()(single).item() == pytest.approx(1 - 1 / 16)
