import math

import numpy as np
import pytest
import torch

from ddspcore.builtin.evaluators.mss import MultiScaleSpectra, distance


def test_identical_signals_have_no_distance(evaluate, told, as_batches) -> None:
    batches = as_batches(torch.randn(16384), torch.randn(4000))
    same = told(x=lambda batch: batch["audio"])
    assert evaluate(MultiScaleSpectra, same, batches) == {"mss": 0.0}


def test_it_equals_its_definition_in_float64(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    target, pred = torch.randn(2, 8192) * 0.1
    expected = 0.0
    for window in (64, 128, 256, 512, 1024, 2048):
        n = np.arange(window)
        hann = 0.5 - 0.5 * np.cos(2 * math.pi * n / window)
        p, y = (
            np.abs(
                np.fft.rfft(
                    np.lib.stride_tricks.sliding_window_view(
                        np.pad(x.double().numpy(), window // 2, mode="reflect"), window
                    )[:: window // 4]
                    * hann
                )
            )
            for x in (pred, target)
        )
        logs = np.abs(np.log(p + 1e-3) - np.log(y + 1e-3))
        expected += (np.abs(p - y) + logs).mean() / 6
    found = evaluate(MultiScaleSpectra, told(x=lambda batch: pred[None]), as_batches(target))
    assert found["mss"] == pytest.approx(expected, rel=1e-5)


def test_a_batch_of_two_is_the_mean_of_two_batches(evaluate, told) -> None:
    torch.manual_seed(1)
    audio = torch.randn(2, 8192)
    half = told(x=lambda batch: 0.5 * batch["audio"])
    together = evaluate(MultiScaleSpectra, half, [{"audio": audio}])
    apart = evaluate(MultiScaleSpectra, half, [{"audio": audio[:1]}, {"audio": audio[1:]}])
    assert together["mss"] == pytest.approx(apart["mss"], rel=1e-6)


def test_a_level_shift_of_6_db_is_ln_2_plus_the_magnitude() -> None:
    target = 100 * torch.randn(1, 16384, generator=torch.Generator().manual_seed(0))
    spectrum = (
        torch.stft(
            target, 256, 64, window=torch.hann_window(256), return_complex=True, pad_mode="reflect"
        )
        .abs()
        .transpose(1, 2)
    )
    shift = distance(2 * target, target, 256) - spectrum
    assert torch.quantile((shift - math.log(2)).abs(), 0.9) < 1e-3


def test_silence_is_finite(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    noise, silence = torch.randn(4096), torch.zeros(4096)
    for pred, target in ((noise, silence), (silence, noise), (silence, silence)):
        pipeline = told(x=lambda batch, pred=pred: pred[None])
        found = evaluate(MultiScaleSpectra, pipeline, as_batches(target))
        assert math.isfinite(found["mss"])
