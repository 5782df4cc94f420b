import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import Context, Control, OptionError
from ddspcore.builtin.backbones import Gru, Mlp, Transformer
from ddspcore.builtin.convolutions import Tcn

CTX = Context({"sample": 16_000.0, "frame": 62.5})
INPUTS = (
    Control("f0_hz", unit="hz", lo=50.0, hi=1000.0),
    Control("loudness_db", unit="db", lo=-80.0, hi=0.0),
    Control("latent", unit="linear", channels=3),
)
SMALL = {
    Mlp: Mlp.Options(width=16, layers=2),
    Gru: Gru.Options(width=16, layers=1),
    Transformer: Transformer.Options(width=16, layers=2, heads=2, span=8),
    Tcn: Tcn.Options(width=16, layers=3),
}


def build(kind, inputs=INPUTS, **options):
    torch.manual_seed(0)
    opt = type(SMALL[kind])(**options) if options else SMALL[kind]
    return kind(opt, CTX, inputs)


def play(batch, frames, seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "f0_hz": 50 + 900 * torch.rand(batch, frames, 1, generator=g),
        "loudness_db": -80 * torch.rand(batch, frames, 1, generator=g),
        "latent": torch.randn(batch, frames, 3, generator=g),
    }


@pytest.mark.parametrize("kind", SMALL)
@given(batch=st.integers(1, 3), frames=st.integers(1, 40))
@settings(max_examples=6, deadline=None)
def test_shape_and_gradients(kind, batch, frames):
    backbone = build(kind)
    hidden = backbone(play(batch, frames))
    assert hidden.shape == (batch, frames, kind.width(SMALL[kind], CTX))
    (hidden * torch.randn(16)).sum().backward()
    assert all(p.grad.isfinite().all() for p in backbone.parameters())


@pytest.mark.parametrize("kind", SMALL)
def test_items_do_not_hear_each_other(kind):
    backbone, features = build(kind), play(3, 20)
    alone = backbone({name: x[1:2] for name, x in features.items()})
    torch.testing.assert_close(backbone(features)[1:2], alone)


@pytest.mark.parametrize("kind", SMALL)
def test_no_frame_hears_a_later_one(kind):
    backbone, features = build(kind), play(1, 30)
    changed = {name: torch.cat([x[:, :20], 2 * x[:, 20:]], 1) for name, x in features.items()}
    before, after = backbone(features), backbone(changed)
    torch.testing.assert_close(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 20:], after[:, 20:])


def test_an_octave_weighs_the_same_at_60_hz_and_at_400_hz():
    backbone, features = build(Mlp), play(1, 1)
    heard = []
    backbone.layers[0].register_forward_hook(lambda *call: heard.append(call[2]))
    for hz in (60.0, 120.0, 400.0, 800.0):
        backbone(features | {"f0_hz": torch.full((1, 1, 1), hz)})
    torch.testing.assert_close(heard[1] - heard[0], heard[3] - heard[2], rtol=1e-4, atol=1e-6)
    assert (heard[1] - heard[0]).abs().max() > 0.01


def test_mlp_has_no_memory():
    backbone, features = build(Mlp), play(2, 9)
    order = torch.randperm(9)
    shuffled = backbone({name: x[:, order] for name, x in features.items()})
    torch.testing.assert_close(shuffled, backbone(features)[:, order])


def test_gru_gives_each_input_its_own_mlp_and_lets_the_last_one_see_them():
    backbone = build(Gru)
    weights = [mlp[0].weight for mlp in backbone.before]
    assert [w.shape[1] for w in weights] == [1, 1, 3]
    assert len({w.data_ptr() for w in weights}) == 3
    assert backbone.gru.input_size == 3 * 16
    assert backbone.after[0].in_features == 4 * 16


def test_gru_remembers():
    backbone, features = build(Gru), play(1, 12)
    changed = {name: torch.cat([2 * x[:, :1], x[:, 1:]], 1) for name, x in features.items()}
    assert not torch.allclose(backbone(features)[:, -1], backbone(changed)[:, -1], atol=1e-7)


def test_a_frame_is_heard_as_far_on_as_the_taps_reach_and_no_further():
    backbone = build(Tcn, width=16, layers=3, taps=4).double()
    features = {name: x.double() for name, x in play(1, 40).items()}
    changed = {
        name: torch.cat([x[:, :9], 2 * x[:, 9:10], x[:, 10:]], 1) for name, x in features.items()
    }
    hears = (backbone(features) != backbone(changed)).any(-1)[0].nonzero()[:, 0].tolist()
    assert (hears[0], hears[-1]) == (9, 9 + 3 * (1 + 2 + 4))


@pytest.mark.parametrize("causal", [True, False])
def test_transformer_generalises_in_length(causal):
    backbone = build(Transformer, width=16, layers=2, heads=2, span=8, causal=causal).double()
    features = {name: x.double() for name, x in play(1, 3000).items()}
    part = backbone({name: x[:, 2000:2065] for name, x in features.items()})
    reach = 2 * 8  # two layers of eight frames
    torch.testing.assert_close(
        backbone(features)[:, 2000 + reach : 2065 - reach], part[:, reach:-reach], rtol=0, atol=1e-9
    )


def test_transformer_looks_ahead_only_if_it_may():
    backbone = build(Transformer, width=16, layers=1, heads=2, span=8, causal=False)
    features = play(1, 30)
    changed = {name: torch.cat([x[:, :20], 2 * x[:, 20:]], 1) for name, x in features.items()}
    before, after = backbone(features), backbone(changed)
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 19], after[:, 19])


def test_transformer_tells_frames_apart_by_position():
    """With equal values nearby, only the rotary positions can say which key was loud."""
    backbone = build(Transformer, width=16, layers=1, heads=2, span=8)
    features = play(1, 9)
    swapped = {name: x[:, [1, 0, *range(2, 9)]] for name, x in features.items()}
    assert not torch.allclose(backbone(features)[:, 8], backbone(swapped)[:, 8], atol=1e-6)


def test_absolute_positions_number_the_frames():
    numbered = build(Transformer, width=16, layers=1, heads=2, span=8, position="absolute")
    constant = {name: value[:, :1].expand(-1, 12, -1) for name, value in play(1, 12).items()}
    hidden = numbered(constant)[0]
    apart = torch.cdist(hidden, hidden) + torch.eye(12)
    assert apart.min() > 1e-3
    later = numbered({name: value[:, 3:] for name, value in play(1, 15).items()})
    assert not torch.allclose(later, numbered(play(1, 15))[:, 3:], atol=1e-3)


def test_inputs_are_centred():
    from ddspcore.builtin.backbones import scaled

    edges = {"f0_hz": torch.tensor([50.0, 1000.0]), "loudness_db": torch.tensor([-80.0, 0.0])}
    for values in scaled(INPUTS[:2], edges):
        torch.testing.assert_close(values, torch.tensor([-1.0, 1.0]))


def test_uneven_heads_are_an_option_error():
    with pytest.raises(OptionError, match="heads"):
        Transformer.Options(width=64, heads=3)


@pytest.mark.parametrize("kind", SMALL)
def test_bfloat16_autocast(kind):
    backbone, features = build(kind), play(2, 17)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = backbone(features)
    torch.testing.assert_close(hidden.float(), backbone(features), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("kind", SMALL)
def test_inputs_are_what_the_recipe_lists(kind):
    opt = type(SMALL[kind])(inputs=("f0_hz", "voicing"))
    assert kind.needs(opt, CTX) == ("f0_hz", "voicing")
    assert kind.needs(SMALL[kind], CTX) == ()
