"""Controls: how they are spelled, and why one cannot serve another."""

import attrs
import pytest

from ddspcore import Context, Control
from ddspcore.context import RateError
from ddspcore.controls import clash

GAIN = Control("gain", unit="linear", channels=65, lo=0.0, hi=2.0)


@pytest.mark.parametrize(
    ("control", "text"),
    [
        (GAIN, "gain[B,N,65] linear 0..2"),
        (Control("harmonics", unit="simplex", channels=64), "harmonics[B,N,64] simplex"),
        (Control("signal", unit="signal", axis="sample"), "signal[B,T] signal"),
        (Control("speaker", unit="index", axis="clip", channels=3, lo=0), "speaker[B,3] index 0.."),
        (Control("opacity", axis="gaussian", hi=1), "opacity[B,N,1] on gaussian linear ..1"),
    ],
)
def test_a_control_is_spelled_with_shape_unit_and_range(control, text):
    assert str(control) == text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"name": "other"}, None),
        ({"lo": 0.5, "hi": 1.0}, None),
        ({"unit": "db"}, "unit db != linear"),
        ({"axis": "sample"}, "axis sample != frame"),
        ({"channels": 64}, "channels 64 != 65"),
        ({"lo": -1.0}, "range -1..2 exceeds 0..2"),
        ({"hi": 3.0}, "range 0..3 exceeds 0..2"),
        ({"lo": None}, "range ..2 exceeds 0..2"),
        ({"lo": None, "hi": None}, "range is not bounded to 0..2"),
    ],
)
def test_what_is_provided_must_be_what_is_needed(change, reason):
    assert clash(GAIN, attrs.evolve(GAIN, **change)) == reason


def test_a_need_without_a_range_takes_any():
    assert clash(attrs.evolve(GAIN, lo=None, hi=None), attrs.evolve(GAIN, lo=-9.0)) is None


def test_a_need_of_no_channels_takes_any_number():
    need = attrs.evolve(GAIN, channels=0)
    assert clash(need, GAIN) is None
    assert str(need) == "gain[B,N,any] linear 0..2"
    with pytest.raises(ValueError, match="channels"):
        Control("nothing", channels=-1)


def test_a_context_tells_rates_and_never_lengths():
    context = Context({"sample": 16_000.0, "frame": 62.5})
    assert context.rate("frame") == 62.5
    assert context.ratio("sample", "frame") == 256
    with pytest.raises(RateError, match="no rate; audio components need"):
        Context().rate("sample")
    with pytest.raises(TypeError):
        context.rates["sample"] = 1.0
