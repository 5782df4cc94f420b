import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import Context, OptionError
from ddspcore.builtin.losses import MultiResolutionSpectra
from ddspcore.builtin.synths import Harmonic, Noise, Reverb, audible
from ddspcore.dsp.scales import exp_sigmoid
from ddspcore.dsp.smoothing import smooth
from ddspcore.randomness import white_noise

RATE, HOP = 16_000, 256
CTX = Context({"sample": float(RATE), "frame": RATE / HOP})


def harmonic(**options):
    return Harmonic(Harmonic.Options(**options), CTX)


def noise(**options):
    return Noise(Noise.Options(**options), CTX)


def tone(frames, hz, shares, amplitude=1.0, batch=1):
    return {
        "f0_hz": torch.full((batch, frames, 1), hz),
        "harmonic_amplitude": torch.full((batch, frames, 1), amplitude),
        "harmonic_distribution": torch.tensor(shares).expand(batch, frames, len(shares)),
    }


def amplitudes_at(signal, hz):
    """Amplitudes of the sines at `hz`, each a whole number of turns in the signal."""
    t = torch.arange(len(signal), dtype=torch.float64) / RATE
    turns = torch.exp(-2j * math.pi * torch.tensor(hz, dtype=torch.float64)[:, None] * t)
    return (2 * (turns @ signal.to(torch.complex128)).abs() / len(signal)).float()


def test_a_tone_has_the_amplitudes_it_was_given():
    signal = harmonic()(tone(126, 500.0, [0.5, 0.3, 0.2], amplitude=0.8))[0]
    assert signal.shape == (125 * HOP,)
    torch.testing.assert_close(
        amplitudes_at(signal, [500.0, 1000.0, 1500.0, 2000.0]), torch.tensor([0.4, 0.24, 0.16, 0.0])
    )


def test_what_is_above_nyquist_gives_its_share_to_what_is_below():
    signal = harmonic()(tone(126, 3000.0, [0.25, 0.25, 0.25, 0.25]))[0]
    spectrum = amplitudes_at(signal, [3000.0, 6000.0, 4000.0, 7000.0])
    torch.testing.assert_close(spectrum, torch.tensor([0.5, 0.5, 0.0, 0.0]), rtol=0, atol=1e-4)


def test_a_fundamental_above_nyquist_is_silence_with_a_finite_gradient():
    controls = tone(9, 8000.0, [0.5, 0.5])
    controls["harmonic_distribution"] = controls["harmonic_distribution"].clone().requires_grad_()
    signal = harmonic()(controls)
    assert not signal.any()
    signal.sum().backward()
    assert not controls["harmonic_distribution"].grad.any()


@given(st.floats(20.0, 20_000.0), st.integers(1, 100))
@settings(deadline=None)
def test_shares_sum_to_one_or_to_zero(hz, partials):
    shares = audible(torch.full((1, 1, partials), 1 / partials), torch.full((1, 1, 1), hz), RATE)
    left = int((torch.arange(1, partials + 1) * torch.tensor(hz) < RATE / 2).sum())
    assert (shares > 0).sum() == left
    assert shares.sum().item() == pytest.approx(1.0 if left else 0.0, abs=1e-5)


def test_no_alias_in_a_sweep_through_nyquist():
    """From 5 to 12 kHz in a second, nothing folds back below 5 kHz but the click of the end."""
    controls = tone(63, 0.0, [1.0])
    controls["f0_hz"] = torch.linspace(5000.0, 12_000.0, 63)[None, :, None]
    signal = harmonic()(controls)[0]
    spectrum = torch.fft.rfft(signal * torch.hann_window(len(signal))).abs().square()
    below = spectrum[: 4500 * len(signal) // RATE].sum()
    assert 10 * torch.log10(below / spectrum.sum()) < -40


def test_harmonics_are_recovered_from_sound():
    """From the audio alone, through the spectral loss, each amplitude within half a decibel."""
    true = torch.tensor([0.4, 0.2, 0.05, 0.15, 0.02, 0.08, 0.06, 0.04])
    target = harmonic()(tone(17, 220.0, true.tolist(), amplitude=0.5))
    loss = MultiResolutionSpectra(MultiResolutionSpectra.Options(windows=(0.016, 0.064)), CTX)
    prepared = loss.prepare(target)
    logits = torch.zeros(9, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for step in range(120):
        optimiser.param_groups[0]["lr"] = 0.1 * 0.97**step
        optimiser.zero_grad()
        shares = exp_sigmoid(logits[1:])
        controls = tone(17, 220.0, [0.0] * 8) | {
            "harmonic_amplitude": exp_sigmoid(logits[0]).expand(1, 17, 1),
            "harmonic_distribution": (shares / shares.sum()).expand(1, 17, 8),
        }
        loss(pred=harmonic()(controls), prepared=prepared).backward()
        optimiser.step()
    found = (exp_sigmoid(logits[0]) * shares / shares.sum()).detach()
    assert (20 * torch.log10(found / (0.5 * true))).abs().max() < 0.5


def test_noise_has_the_colour_it_was_given():
    frames = 501
    white = white_noise(torch.arange(1), (frames - 1) * HOP, seed=0, step=0, label="white")
    magnitudes = torch.cat([torch.full((33,), 0.1), torch.full((32,), 0.01)])
    signal = noise()({"white": white, "noise_magnitudes": magnitudes.expand(1, frames, 65)})[0]
    power = torch.fft.rfft(signal).abs().square()
    low, high = power[: len(power) * 3 // 8].mean(), power[len(power) * 5 // 8 :].mean()
    assert 10 * torch.log10(low / high).item() == pytest.approx(20.0, abs=0.3)
    # Uniform noise in [-1, 1) has a variance of 1/3.
    assert low.item() / len(signal) == pytest.approx(0.01 / 3, rel=0.05)


def test_noise_follows_its_magnitudes_in_time_without_delay():
    frames = 101
    white = white_noise(torch.arange(1), (frames - 1) * HOP, seed=0, step=0, label="white")
    swell = torch.zeros(1, frames, 65)
    swell[:, 50] = 1.0
    signal = noise()({"white": white, "noise_magnitudes": swell})[0]
    centre = (signal.square() * torch.arange(len(signal))).sum() / signal.square().sum()
    assert centre.item() == pytest.approx(50 * HOP, abs=HOP / 8)
    assert not signal[: 49 * HOP - 64].abs().max() > 1e-6


def build_reverb(**options):
    torch.manual_seed(0)
    return Reverb(Reverb.Options(**options), CTX)


@given(st.integers(1, 3), st.integers(1, 3000))
@settings(max_examples=10, deadline=None)
def test_reverb_keeps_the_length_and_lets_the_dry_signal_pass(batch, samples):
    dry = torch.randn(batch, samples)
    wet = build_reverb(initial_gain=0.0)({"signal": dry})
    torch.testing.assert_close(wet, dry, rtol=0, atol=0)


def test_a_click_returns_itself_and_the_room():
    reverb, click = build_reverb(length=0.05), torch.zeros(1, 2000)
    click[0, 100] = 1.0
    out = reverb({"signal": click})[0]
    assert not out[:100].abs().max() > 1e-7
    assert out[100].item() == pytest.approx(1.0)
    torch.testing.assert_close(out[101 : 101 + 799], reverb.wet, rtol=0, atol=1e-7)


def test_a_new_room_is_faint_and_falls_by_60_db_within_its_decay():
    reverb = build_reverb(length=0.6, decay=0.3, initial_gain=1e-3)
    assert reverb.wet.square().sum().sqrt().item() == pytest.approx(1e-3, rel=0.05)
    start, late = reverb.wet[:400], reverb.wet[4800:5200]
    fall = 20 * torch.log10(start.square().mean().sqrt() / late.square().mean().sqrt())
    assert fall.item() == pytest.approx(60.0, abs=1.0)


def test_reverb_recovers_a_room():
    """From dry and wet noise alone, gradient descent finds the impulse response."""
    torch.manual_seed(1)
    room = torch.randn(255) * torch.exp(-torch.arange(255) / 40) * 0.3
    dry = torch.randn(4, 4000)
    wet = (
        dry
        + torch.nn.functional.conv1d(
            torch.nn.functional.pad(dry[:, None], (255, 0)), room.flip(0)[None, None]
        )[:, 0, : dry.shape[1]]
    )
    reverb = build_reverb(length=0.016)
    optimiser = torch.optim.Adam(reverb.parameters(), lr=0.02)
    for _ in range(120):
        optimiser.zero_grad()
        (reverb({"signal": dry}) - wet).square().mean().backward()
        optimiser.step()
    error = (reverb.wet - room).norm() / room.norm()
    assert error < 0.02


@pytest.mark.parametrize("synth", [Harmonic, Noise, Reverb])
def test_declarations_name_what_is_read(synth):
    options = getattr(synth, "Options", object)()
    names = [c.name for c in synth.needs(options, CTX)]
    assert synth.provides(options, CTX).name == "signal"
    assert ("signal" in names) == (synth is Reverb)


WEIGHTS = (1.0, 2.0, 4.0, 2.0, 1.0)
TAPS = [0.1, 0.2, 0.4, 0.2, 0.1]


def test_a_smoothed_tone_plays_means_of_frames_at_its_own_pitch():
    controls = {
        "f0_hz": 200.0 + 100.0 * torch.rand(2, 12, 1),
        "harmonic_amplitude": torch.rand(2, 12, 1),
        "harmonic_distribution": torch.rand(2, 12, 7).softmax(-1),
    }
    means = {name: smooth(x, TAPS) for name, x in controls.items() if name != "f0_hz"}
    wanted = harmonic()(controls | means)
    torch.testing.assert_close(harmonic(smoothing=WEIGHTS)(controls), wanted)
    assert not wanted.allclose(harmonic()(controls), atol=1e-2)


def test_smoothed_noise_plays_means_of_frames():
    white = white_noise(torch.arange(1), 11 * HOP, seed=0, step=0, label="white")
    controls = {"white": white, "noise_magnitudes": torch.rand(1, 12, 9)}
    means = {"noise_magnitudes": smooth(controls["noise_magnitudes"], TAPS)}
    wanted = noise()(controls | means)
    torch.testing.assert_close(noise(smoothing=WEIGHTS)(controls), wanted)
    assert not wanted.allclose(noise()(controls), atol=1e-2)


@pytest.mark.parametrize("synth", [harmonic, noise])
def test_weights_need_a_middle_and_a_mean(synth):
    for weights in ((0.5, 0.5), (0.0, 0.0, 0.0), (-1.0,)):
        with pytest.raises(OptionError, match="smoothing"):
            synth(smoothing=weights)
