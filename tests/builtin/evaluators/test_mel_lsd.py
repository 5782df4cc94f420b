import numpy as np
import pytest
import torch

from ddspcore.builtin.evaluators.mel_lsd import MelLogSpectralDistance


def test_two_realisations_of_one_noise_differ_by_3_db(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    pred, target = torch.rand(2, 160000) * 2 - 1
    found = evaluate(MelLogSpectralDistance, told(x=lambda batch: pred[None]), as_batches(target))
    assert found["mel-lsd"] == pytest.approx(3.06, abs=0.1)


@pytest.mark.parametrize("gain_db", [-6.0, 0.0, 3.0])
def test_a_level_shift_of_noise_is_its_decibels(evaluate, told, as_batches, gain_db: float) -> None:
    torch.manual_seed(0)
    gain = 10 ** (gain_db / 20)
    shifted = told(x=lambda batch: gain * batch["audio"])
    found = evaluate(MelLogSpectralDistance, shifted, as_batches(torch.rand(16384) * 2 - 1))
    assert found["mel-lsd"] == pytest.approx(abs(gain_db), abs=1e-3)


def test_what_lies_60_db_under_the_peak_does_not_count(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    loud, quiet = torch.randn(8192), 1e-5 * torch.randn(16384)
    target = torch.cat([loud, quiet])
    silenced = torch.cat([loud, 0 * quiet])
    pipeline = told(x=lambda batch: silenced[None])
    assert evaluate(MelLogSpectralDistance, pipeline, as_batches(target))["mel-lsd"] < 0.05


def test_every_frame_counts_and_where_both_are_silent_they_agree(evaluate, told) -> None:
    torch.manual_seed(0)
    frames = 64
    audio = torch.cat([torch.randn(1, frames * 256), torch.zeros(1, 3 * frames * 256)], 1)
    half = told(x=lambda batch: 0.5 * batch["audio"])
    found = evaluate(MelLogSpectralDistance, half, [{"audio": audio}])
    assert found["mel-lsd"] == pytest.approx(6.02 / 4, rel=0.03)


def test_it_equals_its_definition_in_float64(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    target = torch.randn(16384) * torch.linspace(0, 1, 16384)
    pred = torch.randn(16384)
    mel = 2595 * np.log10(1 + 8000 / 700) * np.arange(66) / 65
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(513) * 16000 / 1024
    bands = np.array(
        [np.interp(bins, edges[b : b + 3], [0, 1, 0], left=0, right=0) for b in range(64)]
    )
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)

    def power_db(x: torch.Tensor) -> np.ndarray:
        padded = np.pad(x.double().numpy(), 512, mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::256]
        return 10 * np.log10(np.abs(np.fft.rfft(frames * hann)) ** 2 @ bands.T + 1e-30)

    p, y = power_db(pred), power_db(target)
    floor = y.max() - 60
    difference = np.maximum(p, floor) - np.maximum(y, floor)
    expected = np.sqrt((difference**2).mean(1)).mean()
    found = evaluate(MelLogSpectralDistance, told(x=lambda batch: pred[None]), as_batches(target))
    assert found["mel-lsd"] == pytest.approx(expected, rel=1e-4)


def test_silence_is_finite(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    noise, silence = torch.randn(8192), torch.zeros(8192)
    mute = told(x=lambda batch: silence[None])
    assert evaluate(MelLogSpectralDistance, mute, as_batches(silence))["mel-lsd"] == 0.0
    assert 40 < evaluate(MelLogSpectralDistance, mute, as_batches(noise))["mel-lsd"] <= 60
