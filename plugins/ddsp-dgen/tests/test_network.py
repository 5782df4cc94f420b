"""Backbones, heads and what happens to their gradients."""

import math

import pytest
import torch

backbones = pytest.importorskip("ddsp_dgen.backbones", reason="ddsp-dgen is not installed")

from ddspcore import Context  # noqa: E402

from ddsp_dgen import heads  # noqa: E402
from ddsp_dgen.features import CONDITIONING  # noqa: E402
from ddsp_dgen.randomness import SplitMix64  # noqa: E402

CTX = Context({"sample": 16000.0, "frame": 62.5})
MODES = [heads.Legacy, heads.Normalized, heads.SoftmaxDb, heads.ExpSigmoid]


def transformer(**options):
    return backbones.Transformer(backbones.Transformer.Options(**options), (CONDITIONING,))


def head(kind, width=64, temperature=1.0, **options):
    made = kind(kind.Options(**options), width)
    if kind is heads.SoftmaxDb:
        made.register_buffer("temperature", torch.tensor(temperature))  # as assembly does
    return made


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_the_preset_has_as_many_parameters_as_the_reference():
    assert count(transformer(), head(heads.ExpSigmoid, partials=64)) == 72081


def test_one_stream_initialises_both():
    net = transformer(seed=1)
    last = net.layers[1].down.weight
    drawn = heads.HeadOptions().skip
    assert drawn == sum(p.numel() for p in net.parameters() if p.dim() == 2)
    stream = SplitMix64(1, skip=drawn - last.numel())
    torch.testing.assert_close(
        stream.weights(*last.shape, 0.4 * math.sqrt(2 / 128)), last.detach(), rtol=0, atol=0
    )
    shares = head(heads.ExpSigmoid, partials=64, seed=1).logits.shares.weight.detach()
    torch.testing.assert_close(stream.weights(64, 64, 0.06), shares, rtol=0, atol=0)


def test_a_causal_transformer_sees_no_later_row():
    x = torch.randn(2, 16, 5)
    later = x.clone()
    later[:, 9:] += 1.0
    for causal in (True, False):
        net = transformer(causal=causal)
        same = torch.equal(net({"conditioning": x})[:, :9], net({"conditioning": later})[:, :9])
        assert same == causal


def test_items_of_a_batch_do_not_hear_each_other():
    net, x = transformer(), torch.randn(2, 16, 5)
    alone = net({"conditioning": x[1:]})
    torch.testing.assert_close(net({"conditioning": x})[1:], alone)


def test_the_row_sines():
    sines = backbones.row_sines(5, 8)
    assert sines[3, 0] == pytest.approx(math.sin(3.0))
    assert sines[3, 1] == pytest.approx(math.cos(3.0))
    assert sines[3, 4] == pytest.approx(math.sin(3 / 10000 ** (4 / 8)))
    assert transformer(positions=False).positions is False


def test_the_mlp_is_tanh_upon_tanh():
    options = backbones.Mlp.Options(width=6, layers=2, seed=3)
    net, x = backbones.Mlp(options, (CONDITIONING,)), torch.randn(1, 4, 5)
    stream = SplitMix64(3)
    first = stream.weights(5, 6, 0.5 * math.sqrt(2 / 5))
    second = stream.weights(6, 6, 0.5 * math.sqrt(2 / 6))
    torch.testing.assert_close(net({"conditioning": x}), torch.tanh(torch.tanh(x @ first) @ second))


@pytest.mark.parametrize(
    ("z", "level"),
    [(-4, 1.91914e-4), (-2, 0.01493155), (0, 0.40539923), (2, 1.4931450), (4, 1.9181391)],
)
def test_exp_sigmoid(z, level):
    made = head(heads.ExpSigmoid)
    torch.nn.init.zeros_(made.logits.harmonic.weight)
    torch.nn.init.constant_(made.logits.harmonic.bias, float(z))
    assert made(torch.randn(1, 2, 64))["harmonic_gain"][0, 0, 0].item() == pytest.approx(
        level, rel=2e-6
    )


@pytest.mark.parametrize("kind", MODES)
def test_controls_are_as_declared(kind):
    made = head(kind, partials=7)
    for size in (1.0, 1e3):
        controls = made(size * torch.randn(2, 9, 64))
        for control in kind.provides(kind.Options(partials=7), CTX):
            value = controls[control.name].detach()
            assert value.shape == (2, 9, control.channels)
            assert value.isfinite().all()
            assert float(value.min()) >= control.lo
            assert control.hi is None or float(value.max()) <= control.hi + 1e-6
    if kind in (heads.Normalized, heads.SoftmaxDb):
        total = made(torch.randn(2, 9, 64))["harmonic_shares"].sum(-1)
        torch.testing.assert_close(total, torch.ones(2, 9), rtol=0, atol=1e-5)


def test_temperature_and_floor():
    hidden = torch.randn(1, 3, 64)
    cold = head(heads.SoftmaxDb, temperature=0.01)(hidden)["harmonic_shares"]
    warm = head(heads.SoftmaxDb, temperature=100.0)(hidden)["harmonic_shares"]
    assert float(cold.detach().max()) > 0.5
    torch.testing.assert_close(warm, torch.full_like(warm, 1 / 16), rtol=0, atol=1e-3)
    floored = head(heads.SoftmaxDb, temperature=0.01, floor=0.5)(hidden)["harmonic_shares"]
    torch.testing.assert_close(floored, 0.5 * cold + 0.5 / 16)


def test_a_head_without_a_filter_has_no_taps():
    made = head(heads.Legacy, taps=0)
    assert set(made(torch.randn(1, 2, 64))) == {"harmonic_shares", "harmonic_gain", "noise_gain"}
    names = {control.name for control in heads.Legacy.provides(heads.HeadOptions(taps=0), CTX)}
    assert "noise_taps" not in names


def test_biases_of_gains_are_held():
    made = head(heads.ExpSigmoid)
    for gain in (made.logits.harmonic, made.logits.noise):
        torch.nn.init.constant_(gain.bias, -20.0)
    made(torch.randn(1, 2, 64))
    assert made.logits.harmonic.bias.item() == made.logits.noise.bias.item() == -8.0


def test_gradients_are_scaled_cleaned_and_clipped():
    made = head(heads.ExpSigmoid, grad_scale=100.0, grad_clip=0.5)
    plain = head(heads.ExpSigmoid, grad_clip=1e9)
    hidden = torch.randn(1, 3, 64)
    for each in (made, plain):
        each(hidden)["harmonic_gain"].sum().backward()
    expected = (100 * plain.logits.harmonic.weight.grad).clamp(-0.5, 0.5)
    assert 0 < float((expected.abs() == 0.5).float().mean()) <= 1
    torch.testing.assert_close(made.logits.harmonic.weight.grad, expected)
    made.zero_grad()
    (made(hidden)["noise_gain"].sum() * float("nan")).backward()
    assert not made.logits.noise.weight.grad.any()
