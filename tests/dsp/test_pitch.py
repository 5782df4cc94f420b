import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ddspcore.dsp.pitch import bridge, track

ROOT = Path(__file__).parents[2]
AUDIO = ROOT / "tests" / "audio"
SHIPPED = ROOT / "recipes" / "audio"
MELODIES = {
    "bassoon": AUDIO / "bassoon_16k.ogg",
    "clarinet": SHIPPED / "melodies" / "clarinet_16k.ogg",
    "flute": SHIPPED / "melodies" / "flute_16k.flac",
    "sax": AUDIO / "sax_16k.ogg",
    "trumpet": AUDIO / "trumpet_16k.ogg",
    "violin": SHIPPED / "violin" / "violin.flac",
}
SAW = {k: 1 / k for k in range(1, 100)}
SINE = {1: 1.0}


def tone(f0_hz, sample_rate, amplitudes, seconds=0.5):
    """Return a float64 tone of rms 0.1 and its pitch at every sample; f0_hz: number or f(t)."""
    t = torch.arange(round(seconds * sample_rate), dtype=torch.float64) / sample_rate
    f0 = f0_hz(t) if callable(f0_hz) else torch.full_like(t, f0_hz)
    cycles = torch.cumsum(f0 / sample_rate, 0) - f0 / sample_rate
    x = torch.zeros_like(t)
    for k, amplitude in amplitudes.items():
        audible = k * f0 < 0.49 * sample_rate
        x += audible * amplitude * torch.sin(2 * math.pi * (k * cycles + 0.37 * k * k))
    return 0.1 * x / x.square().mean().sqrt(), f0


def noise(length, level, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return level * torch.randn(length, generator=generator, dtype=torch.float64)


def cents_off(x, f0, sample_rate, hop):
    """Track, and return the error of every frame that sees only whole windows, and voicing."""
    found, voicing = track(x.float()[None], sample_rate, hop)
    frames = slice(3, found.shape[1] - 3)
    truth = f0[torch.arange(found.shape[1] - 3)[3:] * hop]
    return 1200 * torch.log2(found[0, frames] / truth), voicing[0, frames]


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("f0_hz", [55.0, 130.8, 440.0, 987.8, 1500.0])
@pytest.mark.parametrize("amplitudes", [SAW, SINE], ids=["saw", "sine"])
def test_a_steady_tone_is_found_to_half_a_cent(f0_hz, rate, amplitudes):
    error, voicing = cents_off(*tone(f0_hz, rate, amplitudes), rate, 256)
    assert error.abs().max() < 0.5
    assert (voicing == 1).all()


@pytest.mark.parametrize("f0_hz", [50.0, 2000.0])
def test_the_edges_of_the_range_are_within(f0_hz):
    x, f0 = tone(f0_hz, 16_000, SAW)
    error, voicing = cents_off(x + noise(len(x), 0.02), f0, 16_000, 256)
    assert error.abs().max() < 5
    assert (voicing == 1).all()


@pytest.mark.parametrize("f0_hz", [60.0, 220.0, 600.0])
def test_a_missing_fundamental_is_heard(f0_hz):
    error, _ = cents_off(*tone(f0_hz, 16_000, dict.fromkeys((3, 4, 5, 6), 1.0)), 16_000, 256)
    assert error.abs().max() < 0.5


@pytest.mark.parametrize(
    ("f0_hz", "amplitudes", "typical", "worst"),
    [
        (60.0, SAW, 2, 10),
        (60.0, SINE, 12, 50),  # ripple on the slope beside lag 0 must not pass for a pitch
        (220.0, SAW, 1, 5),
        (440.0, SINE, 2, 30),
        (1500.0, SAW, 0.3, 1),
        (1500.0, SINE, 0.5, 2),
    ],
)
def test_noise_10_db_below_moves_the_pitch_by_little(f0_hz, amplitudes, typical, worst):
    x, f0 = tone(f0_hz, 16_000, amplitudes, seconds=2.0)
    error, voicing = cents_off(x + noise(len(x), 0.1 * 10**-0.5), f0, 16_000, 256)
    assert error.abs().median() < typical
    assert error.abs().max() < worst
    assert (voicing == 1).all()


@pytest.mark.parametrize("f0_hz", [60.0, 440.0, 1400.0])
def test_vibrato_is_followed(f0_hz):
    def wave(t):
        return f0_hz * 2 ** (50 / 1200 * torch.sin(2 * math.pi * 5.5 * t))

    error, _ = cents_off(*tone(wave, 16_000, SAW, 1.0), 16_000, 256)
    assert error.abs().max() < 3


@pytest.mark.parametrize(("start_hz", "end_hz"), [(60.0, 1500.0), (1500.0, 60.0)])
def test_a_glide_over_the_whole_range_is_followed(start_hz, end_hz):
    def glide(t):
        return start_hz * (end_hz / start_hz) ** (t / 2)

    error, voicing = cents_off(*tone(glide, 16_000, SAW, 2.0), 16_000, 256)
    assert error.abs().max() < 5
    assert (voicing > 0.5).all()


def test_any_hop_and_any_rate_find_one_pitch():
    def wave(t):
        return 300 * 2 ** (0.3 * torch.sin(2 * math.pi * 2 * t))

    coarse = track(tone(wave, 16_000, SAW)[0].float()[None], 16_000, 256)[0]
    dense = track(tone(wave, 16_000, SAW)[0].float()[None], 16_000, 64)[0]
    fast = track(tone(wave, 48_000, SAW)[0].float()[None], 48_000, 768)[0]
    torch.testing.assert_close(dense[:, ::4], coarse, rtol=1e-5, atol=0)
    torch.testing.assert_close(fast, coarse, rtol=1e-4, atol=0)


def test_rests_are_bridged_in_log_frequency_and_the_ends_are_held():
    rest = torch.zeros(8_000, dtype=torch.float64)
    low, high = (tone(f0_hz, 16_000, SAW)[0] for f0_hz in (110.0, 440.0))
    f0, voicing = track(torch.cat((rest, low, rest, high, rest)).float()[None], 16_000, 256)
    octaves, voiced = torch.log2(f0[0] / 110), voicing[0] > 0.5
    time = torch.arange(len(voiced)) * 256 / 16_000
    assert not voiced[(time < 0.45) | ((time > 1.05) & (time < 1.45)) | (time > 2.05)].any()
    assert voiced[((time > 0.52) & (time < 0.98)) | ((time > 1.52) & (time < 1.98))].all()
    gap = torch.nonzero(~voiced & (time > 0.9) & (time < 1.6))[:, 0]
    line = octaves[gap[0] - 1 : gap[-1] + 2]
    torch.testing.assert_close(line, torch.linspace(0, 2, len(line)), atol=0.01, rtol=0)
    torch.testing.assert_close(octaves[time < 0.45], torch.zeros(29), atol=0.01, rtol=0)
    torch.testing.assert_close(octaves[time > 2.05], torch.full((28,), 2.0), atol=0.01, rtol=0)


def test_what_is_not_periodic_is_unvoiced_and_the_pitch_is_the_lowest():
    still = torch.zeros(16_000, dtype=torch.float64)
    ramp = torch.linspace(-1, 1, 16_000, dtype=torch.float64)
    for x in (still, still + 0.7, ramp, noise(16_000, 0.1), noise(16_000, 1e-4)):
        f0, voicing = track(x.float()[None], 16_000, 256, f0_min=60.0)
        assert (f0 == 60).all()
        assert (voicing < 0.5).all()


def test_a_tone_over_an_offset_and_a_drift_keeps_its_pitch():
    x, f0 = tone(220.0, 16_000, SAW)
    error, _ = cents_off(x + 0.5 + torch.linspace(0, 1, len(x)), f0, 16_000, 256)
    assert error.abs().max() < 0.5


def test_voicing_is_one_half_at_the_threshold():
    for threshold in (0.4, 0.6, 0.8):
        x, _ = tone(200.0, 16_000, dict.fromkeys(range(1, 30), 1.0), 4.0)
        x = x + noise(len(x), 0.1 * math.sqrt(1 / threshold - 1))  # power 1 : 1/threshold - 1
        _, voicing = track(x.float()[None], 16_000, 256, threshold=threshold)
        assert abs(voicing.median() - 0.5) < 0.15


def test_silence_counts_from_its_level():
    x, _ = tone(200.0, 16_000, SINE)  # rms 0.1 is 17 dB below a full-scale sine
    for silence_db, expected in ((-60.0, 1.0), (-17.0, 0.25), (0.0, 0.0)):
        _, voicing = track(x.float()[None], 16_000, 256, silence_db=silence_db)
        torch.testing.assert_close(voicing.median(), torch.tensor(expected), atol=0.02, rtol=0)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 500, 959, 960, 4001])
def test_any_length_has_its_frames_and_no_nan(length):
    x, _ = tone(220.0, 16_000, SAW, 0.3)
    f0, voicing = track(x[:length].float()[None], 16_000, 256)
    assert f0.shape == voicing.shape == (1, length // 256 + 1)
    assert (f0 >= 50).all()
    assert (f0 <= 2000).all()
    assert ((voicing >= 0) & (voicing <= 1)).all()
    if length >= 500:
        assert (1200 * torch.log2(f0 / 220)).abs().max() < 5


def test_items_of_a_batch_do_not_mix_and_chunks_do_not_show(monkeypatch):
    tones = [tone(f0_hz, 16_000, SAW)[0] for f0_hz in (82.4, 440.0)]
    x = torch.stack([*tones, noise(8_000, 0.1), torch.zeros(8_000)]).float()
    together = torch.stack(track(x, 16_000, 256))
    alone = torch.cat([torch.stack(track(item[None], 16_000, 256)) for item in x], 1)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    monkeypatch.setattr("ddspcore.dsp.pitch.CHUNK_FRAMES", 5)
    torch.testing.assert_close(torch.stack(track(x, 16_000, 256)), together, rtol=1e-5, atol=1e-5)


def test_bridge_interpolates_between_what_is_known():
    generator = torch.Generator().manual_seed(4)
    values, draws = torch.rand(2, 50, 12, generator=generator)
    known = draws > 0.6
    known[0] = False
    for row, mask, bridged in zip(values, known, bridge(values, known), strict=True):
        at = np.flatnonzero(mask)
        expected = np.interp(np.arange(12), at, row[mask]) if len(at) else np.zeros(12)
        np.testing.assert_allclose(bridged, expected, atol=1e-6)


@pytest.mark.parametrize("name", MELODIES)
def test_the_planned_track_of_a_melody_is_found(name):
    x, rate = soundfile.read(MELODIES[name], dtype="float32")
    f0, voicing = (values[0].numpy() for values in track(torch.from_numpy(x)[None], rate, 256))
    plan = np.load(AUDIO / f"{name}_f0.npz")
    time = np.arange(len(f0)) * 256 / rate
    step = plan["t"][1]
    planned = plan["f0"][np.minimum(np.round(time / step).astype(int), len(plan["f0"]) - 1)]
    steps = plan["t"][1:][np.diff(plan["f0"]) != 0] - step / 2
    steady = np.abs(time[:, None] - steps).min(1) > 0.06
    voiced = planned > 0

    error = 1200 * np.log2(f0 / np.where(voiced, planned, f0))
    assert (np.abs(error[voiced & steady]) < 50).mean() > 0.995
    assert (np.abs(error[voiced]) < 50).mean() > 0.92
    assert np.median(np.abs(error[voiced & steady])) < 8  # the recordings' own deviation
    assert np.sum(np.abs(np.abs(error[voiced & steady]) - 1200) < 100) == 0
    assert (voicing[voiced & steady] > 0.5).mean() > 0.98
    assert (voicing[~voiced & steady] < 0.5).all()


def test_a_singing_voice_stays_in_its_range():
    x, rate = soundfile.read(AUDIO / "voice_vocadito_10_16k.ogg", dtype="float32")
    f0, voicing = track(torch.from_numpy(x)[None], rate, 256)
    voiced = voicing[0] > 0.5
    assert 0.75 < voiced.float().mean() < 0.95
    assert ((f0 > 75) & (f0 < 260)).float().mean() > 0.98
    leaps = torch.log2(f0[0, 1:] / f0[0, :-1]).abs() > 0.5
    assert leaps[voiced[1:] & voiced[:-1]].sum() == 0
