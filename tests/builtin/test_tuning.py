"""A learnt pitch: what is played, and a loss whose gradient leads home from far away."""

import math

import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.known import KnownTones
from ddspcore.builtin.synths import Harmonic
from ddspcore.builtin.tuning import F0Offset, HarmonicFrequency, HarmonicTuned

CTX = Context({"sample": 16_000.0, "frame": 62.5})
FRAMES = 40


def tone(**options):
    return KnownTones(KnownTones.Options(seconds=1.0, **options), CTX).batch("train", [0])


def distance(batch, offset, **options):
    loss = HarmonicFrequency(HarmonicFrequency.Options(**options), CTX)
    controls = {"f0_hz": batch["f0_hz"], "f0_offset_cents": offset}
    return loss(controls, loss.prepare(batch["audio"]))


def constant(batch, cents):
    return torch.full_like(batch["f0_hz"], cents)


@pytest.mark.parametrize("reach", [5.0, 100.0, 1200.0])
def test_a_unit_is_ten_cents_until_the_reach_is_near(reach):
    head = F0Offset(F0Offset.Options(reach=reach), CTX, width=1)
    torch.nn.init.ones_(head.offset.weight)
    hidden = torch.tensor([0.0, 0.01, 1e4, -1e4])[None, :, None]
    cents = head(hidden)["f0_offset_cents"].flatten().tolist()
    assert cents == pytest.approx([0.0, 0.1, reach, -reach], rel=1e-3)


def test_an_offset_moves_the_pitch_that_is_played():
    controls = {
        "f0_hz": torch.linspace(200.0, 300.0, FRAMES)[None, :, None],
        "harmonic_amplitude": torch.full((1, FRAMES, 1), 0.3),
        "harmonic_distribution": torch.full((1, FRAMES, 8), 1 / 8),
    }
    tuned = HarmonicTuned(HarmonicTuned.Options(), CTX)
    octave = torch.full((1, FRAMES, 1), 1200.0)
    plain = Harmonic(Harmonic.Options(), CTX)
    expected = plain(controls | {"f0_hz": 2 * controls["f0_hz"]})
    assert torch.equal(tuned(controls | {"f0_offset_cents": octave}), expected)
    assert torch.equal(tuned(controls | {"f0_offset_cents": 0 * octave}), plain(controls))


@pytest.mark.parametrize("cents", [-50.0, -10.0, 10.0, 50.0])
def test_of_a_steady_tone_it_is_the_error_in_cents(cents):
    batch = tone(glide=0.0, vibrato=0.0, detune=cents, partials=8)
    # Ends are reflected, and a tone with a kink is none: two frames in sixty are off.
    assert distance(batch, constant(batch, 0.0)).item() == pytest.approx(abs(cents), abs=2.0)
    assert distance(batch, constant(batch, -cents)).item() < 2.0


@pytest.mark.parametrize("cents", [-600.0, -300.0, -100.0, -10.0, 10.0, 100.0, 300.0, 600.0])
def test_its_gradient_points_home_from_afar(cents):
    batch = tone(detune=cents)
    offset = constant(batch, 0.0).requires_grad_()
    distance(batch, offset).backward()
    home = offset.grad.sign() == math.copysign(1.0, cents)
    assert home.float().mean() > (0.7 if abs(cents) > 300 else 0.95)
    if abs(cents) <= 100:  # every harmonic is nearest to its own: a cent is a cent
        assert offset.grad.sum().abs().item() == pytest.approx(1.0, abs=0.2)


def test_it_is_blind_to_level():
    batch = tone(detune=20.0)
    quiet = batch | {"audio": 0.1 * batch["audio"]}
    loud, soft = (distance(b, constant(batch, 0.0)).item() for b in (batch, quiet))
    assert soft == pytest.approx(loud, rel=1e-3)


def test_of_silence_it_asks_nothing():
    batch = tone()
    offset = constant(batch, 5.0).requires_grad_()
    value = distance(batch | {"audio": torch.zeros_like(batch["audio"])}, offset)
    value.backward()
    assert value.item() == 0.0
    assert not offset.grad.any()


def test_descent_finds_the_pitch_from_a_semitone_off():
    batch = tone(detune=100.0)
    offset = constant(batch, 0.0).requires_grad_()
    optimiser = torch.optim.Adam([offset], lr=4.0)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.96)
    for _ in range(120):
        optimiser.zero_grad()
        distance(batch, offset).backward()
        optimiser.step()
        decay.step()
    error = (offset.detach() + 100.0).abs().flatten()
    assert error.median() < 3.0
    assert error.quantile(0.9) < 8.0
