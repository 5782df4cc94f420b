"""Each thing that goes wrong is seen where it is wrong, and only there."""

import math
from types import SimpleNamespace

import pytest
import torch

from ddspcore import Control
from ddspcore.builtin.evaluators.diagnosis import Diagnosis

RATE, HOP, SECONDS = 16000, 256, 2
SAMPLES = SECONDS * RATE
FRAMES = SAMPLES // HOP + 1
F0_HZ = 220.0


def tone(harmonics=6) -> torch.Tensor:
    phase = 2 * math.pi * F0_HZ * torch.arange(SAMPLES) / RATE
    return 0.1 * sum(torch.sin(k * phase) / k for k in range(1, harmonics + 1))[None]


def hiss(level: float, seed: int) -> torch.Tensor:
    return level * torch.randn(1, SAMPLES, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def diagnose(evaluate, told, as_batches, ctx):
    def diagnosis(*, controls=(), target=None, amplitude=0.1, noise=0.001, **parts):
        batch = as_batches((tone() + hiss(0.001, 1))[0] if target is None else target[0])[0]
        batch |= {
            "f0_hz": torch.full((1, FRAMES, 1), F0_HZ),
            "voicing": torch.ones(1, FRAMES, 1),
            "loudness_db": torch.full((1, FRAMES, 1), -20.0),
            "harmonic_amplitude": torch.full((1, FRAMES, 1), amplitude),
            "harmonic_distribution": torch.full((1, FRAMES, 30), 1 / 30),
        } | dict(controls)
        made = {
            "harmonic": lambda batch: tone(),
            "noise": lambda batch: noise * batch["white"] * math.sqrt(3.0),
        }
        pipeline = told(**(made | parts))
        head = SimpleNamespace(
            kind="head",
            label="harmonic",
            provides=(
                Control("harmonic_amplitude", unit="linear", lo=0.0, hi=2.0),
                Control("harmonic_distribution", unit="simplex", channels=30, lo=0.0, hi=1.0),
            ),
        )
        pipeline.wiring = SimpleNamespace(nodes=(head,), key=lambda label, name: name)
        noisy = pipeline.with_noise(batch, seed=0, step=-1)
        found = evaluate(Diagnosis, pipeline, [noisy])
        component = Diagnosis.__ddsp__
        built = component.build(opt=component.options(), ctx=ctx)
        return found, list(built.warnings(found))

    return diagnosis


def test_a_model_that_is_right_is_not_warned_of(diagnose):
    found, warnings = diagnose(noise=0.0005)
    assert found["part/harmonic"] > 0.99
    assert found["saturated/harmonic_amplitude"] == 0.0
    assert found["above-nyquist"] == 0.0
    assert found["voiced"] == 1.0
    assert found["left"] > 1.1
    assert warnings == []


def test_a_silent_synth_is_dead(diagnose):
    found, warnings = diagnose(noise=0.0)
    assert found["part/noise"] == 0.0
    assert "left" not in found  # without noise there is no luck
    assert warnings == ["synth noise is dead: it has no audible part in the sound"]


def test_what_stays_at_its_end_is_saturated(diagnose):
    found, warnings = diagnose(amplitude=1.999)
    assert found["saturated/harmonic_amplitude"] == 1.0
    assert warnings[0].startswith("harmonic_amplitude is at its upper end in 100% of all values")
    assert diagnose(amplitude=1.9)[0]["saturated/harmonic_amplitude"] == 0.0


def test_harmonics_that_would_alias_are_counted(diagnose):
    high = torch.full((1, FRAMES, 1), 700.0)  # 11 of 30 harmonics lie below 8 kHz
    found, warnings = diagnose(controls={"f0_hz": high})
    assert found["above-nyquist"] == pytest.approx(19 / 30, abs=1e-3)
    assert "half the sample rate" in warnings[0]


def test_frames_without_a_pitch_are_counted_where_something_sounds(diagnose):
    loudness = torch.full((1, FRAMES, 1), -20.0)
    loudness[:, : FRAMES // 2] = -70.0
    voicing = torch.ones(1, FRAMES, 1)
    voicing[:, : FRAMES // 2] = 0.0
    few = torch.ones(1, FRAMES, 1)
    few[:, FRAMES // 4 :] = 0.0
    rests = {"loudness_db": loudness, "voicing": voicing}
    assert diagnose(controls=rests)[0]["voiced"] == 1.0
    assert diagnose(controls={"voicing": voicing})[0]["voiced"] == pytest.approx(0.5, abs=0.02)
    found, warnings = diagnose(controls={"voicing": few})
    assert found["voiced"] == pytest.approx(0.25, abs=0.02)
    assert any("have a pitch" in warning for warning in warnings)


def test_noise_in_place_of_harmonics_is_seen_and_honest_noise_is_not(diagnose):
    found, warnings = diagnose(harmonic=lambda batch: 0.1 * tone(), noise=0.07)
    assert found["noise/recording"] < 0.01
    assert found["noise/prediction"] > 0.5
    assert any(warning.startswith("noise explains the harmonics") for warning in warnings)
    breathy = tone() + hiss(0.07, 1)
    found, warnings = diagnose(target=breathy, noise=0.07)
    assert found["noise/prediction"] == pytest.approx(found["noise/recording"], abs=0.05)
    assert not any(warning.startswith("noise explains") for warning in warnings)


def test_a_model_that_is_right_up_to_its_noise_is_at_the_floor(diagnose):
    found, warnings = diagnose(target=tone() + hiss(0.02, 1), noise=0.02)
    assert found["left"] == pytest.approx(1.0, abs=0.1)
    assert any("told from luck" in warning for warning in warnings)
    found, warnings = diagnose(target=tone() + hiss(0.06, 1), noise=0.02)
    assert found["left"] > 1.5
    assert not any("told from luck" in warning for warning in warnings)


def test_a_recipe_without_pitch_or_heads_is_diagnosed_by_what_there_is(evaluate, told, as_batches):
    pipeline = told(noise=lambda batch: 0.1 * batch["white"])
    pipeline.wiring = SimpleNamespace(nodes=(), key=lambda label, name: name)
    (batch,) = as_batches(hiss(0.06, 3)[0])
    found = evaluate(Diagnosis, pipeline, [pipeline.with_noise(batch, seed=0, step=-1)])
    assert set(found) == {"part/noise", "noise/recording", "noise/prediction", "left"}
