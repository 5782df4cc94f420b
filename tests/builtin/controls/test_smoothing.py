"""What smoothing would do, in DDSPE2E's columns and keys."""

import json

import numpy as np
import pytest
import torch

from ddspcore.builtin.controls.smoothing import Smoothing


@pytest.fixture
def compare(ctx, pipeline, tmp_path):
    def run(batch, **options):
        evaluator = Smoothing(Smoothing.Options(**options), ctx)
        found = evaluator(pipeline, [batch], tmp_path)
        declared = Smoothing.metrics(None, ctx)
        assert all(any(metric.covers(name) for metric in declared) for name in found)
        return found, tmp_path

    return run


@pytest.fixture
def spiky(batch):
    """Return the batch with a gain that is 1 in frame 5 of the first item and 0 elsewhere."""
    batch["harmonic_amplitude"] = torch.zeros(2, 11, 1)
    batch["harmonic_amplitude"][0, 5] = 1.0
    return batch


def test_variations_are_those_by_hand(compare, spiky):
    found, folder = compare(spiky)
    assert found["raw-variation/harmonic_gain"] == pytest.approx(2 / 10)
    assert found["fir-variation/harmonic_gain"] == pytest.approx(0.8 / 10)
    assert found["fir-variation/noise_gain"] == pytest.approx(0.0)
    analysis = json.loads((folder / "analysis.json").read_text())
    assert set(analysis) == {
        *("item", "seconds", "taps", "frames", "harmonics"),
        *("harmonicGainRawTV", "harmonicGainFirTV", "noiseGainRawTV", "noiseGainFirTV"),
        *("ampSumRawTV", "ampSumFirTV", "harmonicAmpsRawTV", "harmonicAmpsFirTV"),
    }
    assert analysis["item"] == 3
    assert (analysis["frames"], analysis["harmonics"]) == (11, 20)
    assert analysis["harmonicGainRawTV"] == pytest.approx(0.2)
    assert analysis["harmonicGainFirTV"] == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("name", "header", "rows"),
    [
        ("harmonic_gain", "frame,raw,fir,delta", 11),
        ("noise_gain", "frame,raw,fir,delta", 11),
        ("amp_sum", "frame,raw_sum,fir_sum,delta", 11),
        ("harmonic_amps", "frame,harmonic,raw,fir,delta", 220),
    ],
)
def test_tables_have_the_columns(compare, spiky, read_csv, name, header, rows):
    _, folder = compare(spiky)
    found, table = read_csv(folder / f"{name}_compare.csv")
    assert (found, len(table)) == (header, rows)
    assert table[:, -1].tolist() == pytest.approx((table[:, -2] - table[:, -3]).tolist(), abs=1e-8)
    if name == "harmonic_gain":
        assert table[3:8, 2].tolist() == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.1])
    if name == "harmonic_amps":
        assert table[:20, 1].tolist() == list(range(1, 21))


def test_a_single_tap_changes_nothing(compare, batch):
    found, _ = compare(batch, taps=(1.0,))
    for name in ("harmonic_gain", "noise_gain", "amp_sum", "harmonic_amps"):
        assert found[f"raw-variation/{name}"] == found[f"fir-variation/{name}"]


@pytest.mark.filterwarnings("error")
def test_a_model_without_noise_has_two_panels(compare, batch):
    del batch["noise_magnitudes"]
    found, folder = compare(batch)
    assert not any("noise" in name for name in found)
    assert json.loads((folder / "analysis.json").read_text())["noiseGainRawTV"] is None
    assert not (folder / "noise_gain_compare.csv").exists()
    assert (folder / "smoothing_analysis.png").stat().st_size > 30_000


def test_nothing_is_compared_where_there_is_nothing(ctx, pipeline, tmp_path):
    assert Smoothing(Smoothing.Options(), ctx)(pipeline, [], tmp_path) == {}
    assert not any(tmp_path.iterdir())
    assert np.isfinite(Smoothing.Options().taps).all()
