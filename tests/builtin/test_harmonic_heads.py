"""Heads that say the same as the harmonic one by other functions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import Context, OptionError
from ddspcore.builtin.harmonic_heads import (
    HarmonicSigmoid,
    HarmonicSoftmax,
    HarmonicSoftplus,
    between_db,
    sigmoid,
    softmax,
    softplus,
)

CTX = Context({"sample": 16_000.0, "frame": 62.5})
HEADS = [HarmonicSoftmax, HarmonicSoftplus, HarmonicSigmoid]
ONE = torch.tensor(1.0)


def build(kind, width, temperature=1.0, **options):
    """Build a head, with the buffer that assembly gives it."""
    opt = kind.Options(**options)
    head = kind(opt, CTX, width)
    if kind is HarmonicSoftmax:
        head.register_buffer("temperature", torch.tensor(temperature), persistent=False)
    return head, {control.name: control for control in kind.provides(opt, CTX)}


def say(kind, hidden, **options):
    controls = build(kind, hidden.shape[-1], **options)[0](hidden)
    return controls["harmonic_amplitude"], controls["harmonic_distribution"]


@pytest.mark.parametrize("kind", HEADS)
@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 70), st.floats(0.0, 1e6))
@settings(max_examples=20, deadline=None)
def test_controls_keep_their_bounds(kind, batch, frames, partials, scale):
    head, declared = build(kind, 16, partials=partials)
    controls = head(scale * torch.randn(batch, frames, 16))
    assert controls.keys() == declared.keys()
    for name, value in controls.items():
        assert value.shape == (batch, frames, declared[name].channels)
        assert value.isfinite().all()
        assert value.min() >= declared[name].lo
        assert declared[name].hi is None or value.max() <= declared[name].hi * (1 + 1e-6)
    shares = controls["harmonic_distribution"].sum(-1)
    torch.testing.assert_close(shares, torch.ones_like(shares))


@pytest.mark.parametrize(
    ("kind", "db"), [(HarmonicSoftmax, -36), (HarmonicSoftplus, -36), (HarmonicSigmoid, -34.6)]
)
def test_a_new_head_is_a_quiet_sawtooth(kind, db):
    amplitude, shares = say(kind, torch.randn(4, 65, 64))
    assert 20 * amplitude.mean().log10().item() == pytest.approx(db, abs=1)
    sawtooth = 1 / torch.arange(1, 65)
    torch.testing.assert_close(shares.mean((0, 1)), sawtooth / sawtooth.sum(), rtol=0.15, atol=0.0)


@pytest.mark.parametrize("kind", HEADS)
def test_every_parameter_gets_a_gradient_that_is_finite(kind):
    head, _ = build(kind, 8)
    controls = head(torch.randn(2, 5, 8))
    sum((value * torch.randn(value.shape)).sum() for value in controls.values()).backward()
    for parameter in head.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any()


@pytest.mark.parametrize("kind", HEADS)
def test_gradients_are_those_of_finite_differences(kind):
    head, _ = build(kind, 3, partials=4)
    hidden = torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tuple(head.double()(x).values()), hidden)


@pytest.mark.parametrize("kind", HEADS)
def test_controls_are_float32_under_autocast(kind):
    head, _ = build(kind, 8)
    with torch.autocast("cpu", torch.bfloat16):
        controls = head(torch.randn(2, 5, 8))
    assert all(value.dtype == torch.float32 for value in controls.values())


def test_softmax_is_sharper_when_cold_and_even_when_hot():
    logits = torch.tensor([math.log(4.0), 0.0])
    torch.testing.assert_close(softmax(logits, ONE, 0.0), torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(softmax(logits, ONE / 2, 0.0), torch.tensor([16 / 17, 1 / 17]))
    torch.testing.assert_close(softmax(logits, 1e6 * ONE, 0.0), torch.tensor([0.5, 0.5]))
    torch.testing.assert_close(softmax(logits, ONE, 0.5), torch.tensor([0.65, 0.35]))
    torch.testing.assert_close(softmax(logits, ONE, 1.0), torch.tensor([0.5, 0.5]))


def test_the_temperature_is_read_at_every_forward():
    head, _ = build(HarmonicSoftmax, 8, temperature=1e-2, partials=3)
    hidden = torch.randn(1, 4, 8)
    cold = head(hidden)["harmonic_distribution"]
    head.temperature.fill_(1e4)
    hot = head(hidden)["harmonic_distribution"]
    assert cold.max() > 0.99
    torch.testing.assert_close(hot, torch.full_like(hot, 1 / 3), rtol=1e-3, atol=0)


@pytest.mark.slow
def test_a_schedule_of_the_temperature_compiles_once(monkeypatch):
    monkeypatch.setattr(torch._dynamo.config, "error_on_recompile", True)
    head, _ = build(HarmonicSoftmax, 8, partials=3)
    compiled = torch.compile(head, backend="eager", fullgraph=True, dynamic=False)
    hidden = torch.randn(1, 4, 8)
    for temperature in (4.0, 1.0, 0.1):
        head.temperature.fill_(temperature)
        for name, value in compiled(hidden).items():
            torch.testing.assert_close(value, head(hidden)[name])


def test_amplitude_runs_between_two_levels_in_decibels():
    levels = between_db(torch.tensor([-1e3, 0.0, 1e3]), -50.0, 6.0)
    torch.testing.assert_close(20 * levels.log10(), torch.tensor([-50.0, -22.0, 6.0]))
    amplitude, _ = say(HarmonicSoftmax, torch.zeros(1, 1, 8), min_db=-70, initial_db=-40)
    assert 20 * amplitude.log10().item() == pytest.approx(-40, abs=0.01)


def test_softplus_and_sigmoid_are_what_they_are_called():
    x = torch.tensor([-2.0, 0.0, 30.0])
    torch.testing.assert_close(softplus(x), torch.log1p(x.exp()))
    torch.testing.assert_close(sigmoid(x), 1 / (1 + (-x).exp()))


def test_sigmoid_harmonics_do_not_compete():
    """Amplitude times share is gain times sigmoid over partials, whatever the others do."""
    head, _ = build(HarmonicSigmoid, 4, partials=5)
    hidden = torch.randn(1, 3, 4)
    controls = head(hidden)
    each = controls["harmonic_amplitude"] * controls["harmonic_distribution"]
    wanted = torch.sigmoid(head.gain(hidden)) * torch.sigmoid(head.distribution(hidden)) / 5
    torch.testing.assert_close(each, wanted)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"min_db": 6.0}, "max_db"),
        ({"initial_db": -60.0}, "initial_db"),
        ({"initial_db": 12.0}, "initial_db"),
    ],
)
def test_levels_that_contradict_each_other_are_refused(options, field):
    with pytest.raises(OptionError) as refused:
        HarmonicSoftmax.Options(**options)
    assert refused.value.field == field
