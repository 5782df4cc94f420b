from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ddspcore.builtin.evaluators.render import Render


@pytest.fixture
def pipeline(told):
    return told(harmonic=lambda b: 0.75 * b["audio"], noise=lambda b: 0.25 * b["audio"])


def items(*frames: int) -> list[dict[str, torch.Tensor]]:
    return [
        {
            "audio": torch.randn(1, (n - 1) * 256) + 3,
            "f0_hz": 100.0 + torch.arange(n).float()[None, :, None],
            "item": torch.tensor([i]),
        }
        for i, n in enumerate(frames)
    ]


def test_it_writes_target_prediction_and_parts(evaluate, pipeline, tmp_path: Path) -> None:
    (batch,) = items(63)
    assert evaluate(Render, pipeline, [batch]) == {}
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "controls.npz",
        "harmonic.wav",
        "noise.wav",
        "prediction.wav",
        "target.wav",
    ]
    audio = batch["audio"][0].numpy()
    for name, gain in {"target": 1.0, "prediction": 1.0, "harmonic": 0.75}.items():
        written, rate = soundfile.read(tmp_path / f"{name}.wav", dtype="float32")
        assert rate == 16000
        np.testing.assert_array_equal(written, np.float32(gain) * audio)


def test_stretches_follow_each_other_after_a_gap(evaluate, pipeline, tmp_path: Path) -> None:
    evaluate(Render, pipeline, items(11, 21))
    target, _ = soundfile.read(tmp_path / "target.wav")
    controls = np.load(tmp_path / "controls.npz")
    gap = 16 * 256
    assert len(target) == 10 * 256 + gap + 20 * 256
    assert np.all(target[10 * 256 : 10 * 256 + gap] == 0)
    times, f0 = controls["times_s"], controls["f0_hz"]
    assert times.shape == (11 + 1 + 21,)
    assert f0.shape == (11 + 1 + 21, 1)
    assert np.isnan(times[11])
    assert np.isnan(f0[11]).all()
    assert times[12] == pytest.approx((10 * 256 + gap) / 16000)
    assert f0[12] == 100.0


def test_it_stops_at_the_limit(evaluate, pipeline, tmp_path: Path) -> None:
    evaluate(Render, pipeline, items(51, 51, 51), seconds=1.28)
    controls = np.load(tmp_path / "controls.npz")
    target, _ = soundfile.read(tmp_path / "target.wav")
    assert len(target) == round(1.28 * 16000)
    assert np.nanmax(controls["times_s"]) == pytest.approx(1.28)


def test_every_item_of_a_batch_is_written(evaluate, pipeline, tmp_path: Path) -> None:
    audio = torch.randn(3, 2560)
    evaluate(Render, pipeline, [{"audio": audio, "item": torch.arange(3)}])
    target, _ = soundfile.read(tmp_path / "target.wav", dtype="float32")
    assert np.array_equal(target[-2560:], audio[2].numpy())


def test_the_same_render_has_the_same_bytes(evaluate, pipeline, tmp_path: Path) -> None:
    batches = items(63)
    evaluate(Render, pipeline, batches)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    evaluate(Render, pipeline, batches)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_without_items_it_writes_nothing(evaluate, pipeline, tmp_path: Path) -> None:
    evaluate(Render, pipeline, [])
    assert not list(tmp_path.iterdir())
