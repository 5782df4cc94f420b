"""A run tells the observer what it needs, in the words of the core that is installed."""

import numpy as np
import pytest
import soundfile
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ddspcore.cli import main

SHORT = ["--device", "cpu", "--set", "metric.items=1", "--set", "metric.every=2"]
SHORT += [word for stage in "ABC" for word in ("--set", f"stage.{stage}.steps=2")]


@pytest.mark.slow
def test_a_run_is_shown_from_its_first_number_to_its_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    phase = 2 * np.pi * 330 * np.arange(6 * 16_000) / 16_000
    soundfile.write(tmp_path / "tone.wav", 0.3 * np.sin(phase) + 0.1 * np.sin(3 * phase), 16_000)
    root = f"data.root={tmp_path / 'tone.wav'}"
    done = main(["run", "best_low_loss", "--run-dir", str(tmp_path / "run"), "--set", root, *SHORT])
    assert done == 0
    assert "observer" not in capsys.readouterr().out  # nothing was raised
    folder = tmp_path / "run" / "tensorboard"
    for stage in "ABC":
        tags = EventAccumulator(str(folder / stage)).Reload().Tags()["scalars"]
        assert {"mss", "loss", "lr"} <= set(tags)
    shown = EventAccumulator(str(folder)).Reload().Tags()
    assert {"val/mss", "train/mss"} <= set(shown["scalars"])
    assert {"target", "prediction", "harmonic", "noise"} <= set(shown["audio"])
    assert "overview" in shown["images"]
