import inspect
import sys

import attrs
import pytest
import torch

from ddspcore import Context, OptionError, builtin
from ddspcore.builtin.features import F0, Deltas, Loudness, Rms, SwiftF0
from ddspcore.component import component_of
from ddspcore.dsp.loudness import a_weighted_db, rms_db
from ddspcore.dsp.pitch import track
from ddspcore.errors import UserError

CONTEXT = Context({"sample": 16_000, "frame": 62.5})


def build(cls, context=CONTEXT, **options):
    component = component_of(cls)
    opt = component.options(**options)
    return component.build(opt=opt, ctx=context), cls.provides(opt, context)


def item(seconds=1.0, batch=2, rate=16_000):
    """Return a rest, then a tone of 220 Hz with ten harmonics."""
    t = torch.arange(round(seconds * rate)) / rate
    x = 0.05 * sum(torch.sin(2 * torch.pi * 220 * k * t) / k for k in range(1, 11))
    x = torch.where(t < 0.3, 0.0, x)
    return {"audio": x.expand(batch, -1).clone()}


def run(cls, batch, context=CONTEXT, **options):
    """Return what a feature makes, checked against its records."""
    module, controls = build(cls, context, **options)
    made = module(batch)
    frames = batch["audio"].shape[1] // context.ratio("sample", "frame") + 1
    assert list(made) == [control.name for control in controls]
    for control in controls:
        values = made[control.name]
        assert values.shape == (len(batch["audio"]), frames, 1)
        assert values.dtype == torch.float32
        assert torch.isfinite(values).all()
        assert control.axis == "frame"
        assert control.lo is None or (values >= control.lo).all()
        assert control.hi is None or (values <= control.hi).all()
    return made


def test_the_plugin_brings_every_feature():
    names = [component_of(cls).name for cls in builtin.ddsp_features()]
    assert names == ["f0", "swift-f0", "loudness", "rms", "deltas"]


def test_f0_is_the_tracker_with_its_own_defaults():
    signature = inspect.signature(track).parameters
    for attribute in attrs.fields(F0.Options):
        assert attribute.default == signature[attribute.name].default, attribute.name
    made = run(F0, item())
    f0, voicing = track(item()["audio"], 16_000, 256)
    torch.testing.assert_close(made["f0_hz"][..., 0], f0)
    torch.testing.assert_close(made["voicing"][..., 0], voicing)


def test_f0_hands_every_option_to_the_tracker(monkeypatch):
    seen = {}

    def record(x, sample_rate, hop, **options):
        seen.update(options)
        return torch.ones(1, 1), torch.ones(1, 1)

    monkeypatch.setattr("ddspcore.builtin.features.pitch.track", record)
    options = {
        "f0_min": 61.0,
        "f0_max": 1234.0,
        "threshold": 0.4,
        "octave_cost": 0.02,
        "jump_cost": 0.9,
        "silence_db": -55.0,
    }
    module, (f0, _) = build(F0, **options)
    module({"audio": torch.zeros(1, 1)})
    assert seen == options
    assert (f0.lo, f0.hi) == (61.0, 1234.0)


@pytest.mark.parametrize("cls", [F0, SwiftF0])
def test_an_empty_pitch_range_is_refused(cls):
    with pytest.raises(OptionError, match=r"f0_max: 300 is not .*above f0_min 300"):
        component_of(cls).options(f0_min=300.0, f0_max=300.0)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_features_keep_their_records_at_any_rate_and_length(rate):
    hop = 64 * round(rate * 0.016 / 64)
    context = Context({"sample": rate, "frame": rate / hop})
    for seconds in (0.01, 0.25, 0.7):
        for cls in (F0, Loudness, Rms):
            run(cls, item(seconds, 1, rate), context)


def test_levels_are_those_of_dsp_and_stay_in_their_range():
    batch = item()
    made = run(Loudness, batch)["loudness_db"][..., 0]
    torch.testing.assert_close(made, a_weighted_db(batch["audio"], 16_000, 256, 1024))
    made = run(Rms, batch, window=0.032, floor_db=-60.0)["rms_db"][..., 0]
    torch.testing.assert_close(made, rms_db(batch["audio"], 256, 512, -60.0))
    assert made.min() == -60
    square = torch.where(torch.arange(16_000) // 8 % 2 == 0, 1.0, -1.0)[None]
    assert (run(Rms, {"audio": square})["rms_db"] == 0).all()
    assert (run(Loudness, {"audio": square})["loudness_db"] <= 0).all()


def test_deltas_are_octaves_decibels_or_the_features_own_unit():
    batch = {
        "audio": torch.zeros(1, 3 * 256),
        "f0_hz": torch.tensor([[[100.0], [200.0], [100.0], [1000.0]]]),
        "loudness_db": torch.tensor([[[-80.0], [-70.0], [-73.0], [0.0]]]),
        "voicing": torch.tensor([[[0.0], [1.0], [0.75], [0.75]]]),
    }
    made = run(Deltas, batch, of=("f0_hz", "loudness_db", "voicing"))
    torch.testing.assert_close(made["f0_hz_delta"].flatten(), torch.tensor([0.0, 1.0, -1.0, 1.0]))
    assert made["loudness_db_delta"].flatten().tolist() == [0, 10, -3, 20]
    assert made["voicing_delta"].flatten().tolist() == [0, 1, -0.25, 0]
    assert Deltas.needs(Deltas.Options(of=("voicing",)), CONTEXT) == ("voicing",)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "swift_f0", None)
    with pytest.raises(UserError, match=r'pip install "ddspcore\[swift-f0\]"'):
        build(SwiftF0)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_swift_f0_keeps_the_contract_of_f0(rate):
    pytest.importorskip("swift_f0")
    hop = 64 * round(rate * 0.016 / 64)
    context = Context({"sample": rate, "frame": rate / hop})
    for seconds in (0.01, 0.3):
        run(SwiftF0, item(seconds, 1, rate), context)
    made = run(SwiftF0, item(1.0, 2, rate), context)
    voiced = made["voicing"] > 0.5
    time = torch.arange(voiced.shape[1]) * hop / rate
    assert not voiced[:, time < 0.25].any()
    assert voiced[:, (time > 0.4) & (time < 0.9)].all()
    error = 1200 * torch.log2(made["f0_hz"] / 220)  # held before the first voiced frame
    assert error[:, time < 0.9].abs().max() < 30
    silent = run(SwiftF0, {"audio": torch.zeros(1, rate)}, context)
    assert (silent["f0_hz"] == 50).all()
    assert (silent["voicing"] < 0.5).all()
