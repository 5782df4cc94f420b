"""The sound, against a direct form in float64: sample by sample, as it is described."""

import math

import pytest
import torch
from torch import Tensor

synths = pytest.importorskip("ddsp_dgen.synths", reason="ddsp-dgen is not installed")

from ddspcore import Context  # noqa: E402

from ddsp_dgen.randomness import xorshift_noise  # noqa: E402

RATE = 16000
CTX = Context({"sample": float(RATE), "frame": 62.5})
SAMPLES, WINDOWS, ROWS, PARTIALS, TAPS = 96, 5, 8, 6, 4


def harmonic(**options):
    return synths.Harmonic(synths.Harmonic.Options(**options), CTX)


@pytest.fixture
def controls() -> dict[str, Tensor]:
    """Return controls in float64 of a tone that passes 8 kHz, 500 Hz and an unvoiced window."""
    f0_hz = torch.tensor([1500.0, 1350.0, 0.0, 200.0, 480.0], dtype=torch.float64)
    return {
        "f0_hz": f0_hz[None, :, None],
        "voicing": (f0_hz > 0).double()[None, :, None],
        "harmonic_shares": torch.rand(1, ROWS, PARTIALS, dtype=torch.float64) + 0.1,
        "harmonic_gain": torch.rand(1, ROWS, 1, dtype=torch.float64) + 0.1,
        "noise_gain": torch.rand(1, ROWS, 1, dtype=torch.float64) + 0.1,
        "noise_taps": torch.rand(1, ROWS, TAPS, dtype=torch.float64),
        "playhead": torch.linspace(0, WINDOWS - 1 - 1e-4, SAMPLES, dtype=torch.float64)[None],
    }


def at(rows: Tensor, place: float) -> Tensor:
    left = min(int(place), len(rows) - 1)
    right = min(left + 1, len(rows) - 1)
    return rows[left] + (place - left) * (rows[right] - rows[left])


def direct_tone(controls: dict[str, Tensor], clamp: bool, divide: str) -> Tensor:
    """Return the tone with one accumulator a harmonic. Shape: [T]."""
    rows = {name: value[0] for name, value in controls.items()}
    phases = [0.0] * PARTIALS
    signal = []
    for place in rows["playhead"].tolist():
        f0_hz = float(at(rows["f0_hz"], place))
        f0_hz = min(max(f0_hz, 20.0), 500.0) if clamp else f0_hz
        shares = at(rows["harmonic_shares"], place)
        total, tone = 1e-8, 0.0
        for k in range(1, PARTIALS + 1):
            if k * f0_hz < RATE / 2:
                total = total + shares[k - 1]
                tone = tone + shares[k - 1] * math.sin(2 * math.pi * phases[k - 1])
            phases[k - 1] = (phases[k - 1] + k * f0_hz / RATE) % 1.0
        voicing, gain = at(rows["voicing"], place), at(rows["harmonic_gain"], place)
        divisor = total if divide == "sum" else PARTIALS
        signal.append((voicing * gain * tone / divisor).reshape(()))
    return torch.stack(signal)


def direct_noise(controls: dict[str, Tensor]) -> Tensor:
    rows = {name: value[0] for name, value in controls.items()}
    white = xorshift_noise(SAMPLES).tolist()
    signal = []
    for t, place in enumerate(rows["playhead"].tolist()):
        taps = at(rows["noise_taps"], place)
        past = range(t - TAPS + 1, t + 1)
        heard = sum(tap * white[s] for tap, s in zip(taps, past, strict=True) if s >= 0)
        signal.append((at(rows["noise_gain"], place) * heard).reshape(()))
    return torch.stack(signal)


def gradients(signal: Tensor, controls: dict[str, Tensor], names: list[str]) -> list[Tensor]:
    weight = torch.sin(torch.arange(SAMPLES, dtype=torch.float64))
    return list(
        torch.autograd.grad((signal.reshape(-1) * weight).sum(), [controls[n] for n in names])
    )


@pytest.mark.parametrize("clamp", [True, False])
@pytest.mark.parametrize("divide", ["sum", "partials"])
def test_the_tone_and_its_gradients(controls, clamp, divide):
    names = ["harmonic_shares", "harmonic_gain"]
    for name in names:
        controls[name].requires_grad_()
    tone = harmonic(clamp_f0=clamp, divide=divide)(controls)[0]
    expected = direct_tone(controls, clamp, divide)
    torch.testing.assert_close(tone, expected, rtol=1e-8, atol=1e-8)
    pairs = zip(gradients(tone, controls, names), gradients(expected, controls, names), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-8)


def test_the_noise_and_its_gradients(controls):
    names = ["noise_gain", "noise_taps"]
    for name in names:
        controls[name].requires_grad_()
    noise = synths.Noise(synths.Noise.Options())(controls)[0]
    expected = direct_noise(controls)
    torch.testing.assert_close(noise, expected, rtol=1e-12, atol=1e-12)
    pairs = zip(
        gradients(noise, controls, names), gradients(expected, controls, names), strict=True
    )
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)


def test_a_chunk_in_float32_is_close_to_float64(controls):
    time = torch.linspace(0, WINDOWS - 1 - 1e-4, 16384, dtype=torch.float64)
    controls["playhead"] = time[None]
    exact = harmonic(clamp_f0=False)(controls)
    rounded = harmonic(clamp_f0=False)({name: x.float() for name, x in controls.items()})
    same = (exact - rounded).abs() < 1e-3
    assert same.double().mean() > 0.999  # a mask may fall on the sample beside


def test_the_first_sample_is_silent_and_the_noise_is_always_the_same(controls):
    assert harmonic()(controls)[0, 0] == 0.0
    noise = synths.Noise(synths.Noise.Options())
    assert torch.equal(noise(controls), noise(controls))
    assert float(noise(controls).min()) >= 0.0


def test_only_ratios_of_amplitudes_count(controls):
    tone = harmonic()(controls)
    controls["harmonic_shares"] *= 10
    torch.testing.assert_close(harmonic()(controls), tone, rtol=1e-6, atol=1e-9)


def test_smoothing_is_a_short_average_that_holds_the_ends():
    rows = torch.tensor([0.0, 0, 0, 1, 0, 0, 2]).double()[None, :, None]
    expected = [0.0, 0.1, 0.2, 0.4, 0.4, 0.1 + 0.4 + 0.2, 0.4 * 2 + 0.2 * 2 + 0.1 * 2]
    found = synths.smoothed(rows)[0, :, 0]
    assert found.tolist() == pytest.approx([*expected[:4], 0.2 + 0.2, *expected[5:]])


def test_rows_are_read_between_and_held_at_the_end():
    rows = torch.tensor([0.0, 1.0, 4.0])[None, :, None]
    playhead = torch.tensor([[0.0, 0.25, 1.0, 1.5, 2.0, 5.0]])
    (heard,) = synths.read(playhead, rows)
    assert heard[0, :, 0].tolist() == [0.0, 0.25, 1.0, 2.5, 4.0, 4.0]
