"""What is heard in a chunk, and where its rows lie in time."""

import math

import pytest
import torch

features = pytest.importorskip("ddsp_dgen.features", reason="ddsp-dgen is not installed")

from ddspcore import Context  # noqa: E402

CTX = Context({"sample": 16000.0, "frame": 62.5})
CHUNK = 16384


def sine(hz: float, amplitude: float = 0.5, samples: int = CHUNK) -> torch.Tensor:
    t = torch.arange(samples, dtype=torch.float64) / 16000
    return (amplitude * torch.sin(2 * math.pi * hz * t)).float()[None]


def heard(audio: torch.Tensor, **options) -> dict[str, torch.Tensor]:
    pitch = features.Autocorrelation(features.Autocorrelation.Options(**options), CTX)
    level = features.Rms(features.Rms.Options())
    batch = {"audio": audio}
    return batch | pitch(batch) | level(batch)


def test_a_chunk_has_61_windows_and_the_decoder_sees_64_rows():
    batch = heard(sine(220))
    conditioning = features.Conditioning()(batch)["conditioning"]
    assert batch["f0_hz"].shape == (1, 61, 1)
    assert conditioning.shape == (1, 64, 5)
    assert not conditioning[0, 61:].any()


@pytest.mark.parametrize("hz", [220.0, 330.0, 441.0])
def test_the_pitch_of_a_sine(hz):
    batch = heard(sine(hz))
    assert batch["voicing"].all()
    cents = 1200 * (batch["f0_hz"] / hz).log2().abs().max()
    assert float(cents) < 25


def test_a_low_sine_is_taken_for_the_highest_pitch():
    """Nothing asks for a valley before the peak, and short lags are preferred."""
    assert heard(sine(80))["f0_hz"].median() == 1000.0


def test_the_autocorrelation_is_the_direct_sum():
    torch.manual_seed(1)
    audio = sine(300, samples=1024) + 0.02 * torch.randn(1, 1024)
    x = audio[0].double() - audio[0].double().mean()
    energy = float(x.square().sum())
    correlation = {n: float(x[: len(x) - n] @ x[n:]) / (energy + 1e-8) for n in range(15, 322)}
    best = max(range(16, 321), key=lambda n: correlation[n])
    left, mid, right = (correlation[best + n] for n in (-1, 0, 1))
    shift = 0.5 * (left - right) / (left - 2 * mid + right)
    assert float(heard(audio)["f0_hz"]) == pytest.approx(16000 / (best + shift), rel=1e-6)


def test_silence_noise_and_a_constant_are_unvoiced():
    for audio in (torch.zeros(1, CHUNK), sine(220, 0.0005), torch.full((1, CHUNK), 0.3)):
        batch = heard(audio)
        assert not batch["voicing"].any()
        assert not batch["f0_hz"].any()
    assert float(heard(torch.zeros(1, CHUNK))["loudness_db"].max()) == -120.0


def test_the_level_of_a_sine():
    level = heard(sine(1000, 1.0))["loudness_db"]
    assert float((level + 3.0103).abs().max()) < 0.02


def test_conditioning():
    batch = {
        "f0_hz": torch.tensor([0.0, 440.0, 880.0])[None, :, None],
        "voicing": torch.tensor([0.0, 1.0, 1.0])[None, :, None],
        "loudness_db": torch.tensor([-120.0, -40.0, 5.0])[None, :, None],
    }
    rows = features.Conditioning()(batch)["conditioning"][0]
    unvoiced = -math.log2(440)
    expected = [
        [unvoiced, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 1.0, -unvoiced, 0.5],
        [1.0, 1.0, 1.0, 1.0, 0.5],
    ]
    torch.testing.assert_close(rows[:3], torch.tensor(expected))
    assert unvoiced == pytest.approx(-8.7814, abs=1e-4)


@pytest.mark.parametrize(("lanes", "spacing"), [(False, 273.05), (True, 260.05)])
def test_rows_are_stretched_over_the_chunk(lanes, spacing):
    playhead = features.Playhead(features.Playhead.Options(lanes=lanes))
    place = playhead(heard(sine(220)))["playhead"][0]
    last = 63 if lanes else 60
    assert place[0] == 0.0
    assert float(place[-1]) == pytest.approx(last - 1e-4, abs=1e-5)
    assert 1 / float(place[1000] / 1000) == pytest.approx(spacing, abs=0.01)


def test_a_short_chunk_is_one_window():
    batch = heard(sine(220, samples=500))
    assert batch["f0_hz"].shape == (1, 1, 1)
    playhead = features.Playhead(features.Playhead.Options())(batch)["playhead"]
    assert playhead.shape == (1, 500)
    assert not playhead.any()
