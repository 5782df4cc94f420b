import math

import pytest
import torch

from ddspcore.dsp.mel import mel_filterbank


def mel(hz):
    return 2595 * math.log10(1 + hz / 700)


def test_filters_are_even_in_mel_and_meet_at_each_others_peaks():
    bank = mel_filterbank(8001, 64, 16_000)  # a bin per hertz
    assert bank.shape == (64, 8001)
    peaks = bank.argmax(1)
    steps = torch.tensor([mel(hz.item()) for hz in peaks]).diff()
    assert steps.min().item() == pytest.approx(mel(8000) / 65, rel=0.03)
    assert steps.max().item() == pytest.approx(mel(8000) / 65, rel=0.03)
    for b in range(1, 63):
        assert bank[b, peaks[b - 1]] < 0.05
        assert bank[b, peaks[b + 1]] < 0.05
        assert bank[b].max() > 0.97


def test_between_the_outer_peaks_the_filters_sum_to_one():
    bank = mel_filterbank(4097, 40, 44_100)
    peaks = bank.argmax(1)
    inside = bank[:, peaks[0] + 1 : peaks[-1]].sum(0)
    torch.testing.assert_close(inside, torch.ones_like(inside))


def test_a_known_value():
    """At 16 kHz with 64 bands the first three edges lie at 0, 27.7 and 56.4 Hz."""
    bank = mel_filterbank(513, 64, 16_000)
    edge = [700 * (10 ** (mel(8000) * i / 65 / 2595) - 1) for i in range(3)]
    assert edge[1:] == pytest.approx([27.67, 56.43], abs=0.01)
    bin_hz = 15.625
    assert bank[0, 1].item() == pytest.approx(bin_hz / edge[1], rel=1e-5)
    assert bank[0, 3].item() == pytest.approx(
        (edge[2] - 3 * bin_hz) / (edge[2] - edge[1]), rel=1e-4
    )
