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


def test_padding_does_not_dilute(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    target = torch.randn(16384)
    padded = torch.cat([target, torch.zeros(32768)])
    half = told(x=lambda batch: 0.5 * batch["audio"])
    found = evaluate(MelLogSpectralDistance, half, as_batches(padded))
    assert found["mel-lsd"] == pytest.approx(6.02, abs=0.15)


def test_silence_is_finite(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    noise, silence = torch.randn(8192), torch.zeros(8192)
    mute = told(x=lambda batch: silence[None])
    assert evaluate(MelLogSpectralDistance, mute, as_batches(silence))["mel-lsd"] == 0.0
    assert 40 < evaluate(MelLogSpectralDistance, mute, as_batches(noise))["mel-lsd"] <= 60
