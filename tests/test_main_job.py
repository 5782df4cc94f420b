"""The main job on real audio, as a user runs it: `ddsp run` and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.overview

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes"
VIOLIN = RECIPES / "audio" / "violin" / "violin.flac"
MELODIES = [
    VIOLIN,
    *(ROOT / "tests" / "audio" / f"{name}_16k.ogg" for name in ("trumpet", "voice_vocadito_10")),
]
SHORT = (
    *("--set", "metric.every=2", "--set", "metric.items=2"),
    *("--set", "stage.A.steps=4", "--set", "stage.B.steps=6", "--set", "stage.C.steps=2"),
    *("--set", "stage.A.batch=2", "--set", "stage.B.batch=2", "--set", "stage.C.batch=2"),
)


def excerpt(folder, seconds, name="violin.wav", rate=16_000):
    folder.mkdir(exist_ok=True)
    audio, _ = soundfile.read(VIOLIN, dtype="float32")
    soundfile.write(folder / name, audio[: round(seconds * 16_000)], rate, subtype="FLOAT")
    return folder


def summary_of(run_dir):
    return json.loads((run_dir / "summary.json").read_text())


@pytest.mark.slow
def test_a_short_run_leaves_everything_that_is_promised(ddsp, tmp_path):
    run_dir = tmp_path / "run"
    data = excerpt(tmp_path / "audio", 12)
    done = ddsp(
        "run",
        RECIPES / "best_low_loss.toml",
        "--run-dir",
        run_dir,
        "--device",
        "cpu",
        "--set",
        f"data.root={data}",
        *SHORT,
    )
    assert done.code == 0, done.err
    summary = summary_of(run_dir)
    assert summary["recipe"] == "best_low_loss"
    assert summary["device"] == "cpu"
    assert {s["name"]: s["steps"] for s in summary["stages"]} == {"A": 4, "B": 6, "C": 2}
    assert summary["metric"]["name"] == "mss"
    assert summary["metric"]["direction"] == "lower"
    assert summary["metric"]["value"] == min(s["best"] for s in summary["stages"])
    assert set(summary["evaluation"]) == {"train", "val"}
    assert {"mss", "mel-lsd", "f0-cents", "loudness-db"} <= set(summary["evaluation"]["val"])
    assert sum(v for k, v in summary["evaluation"]["val"].items() if "share/" in k) == (
        pytest.approx(1.0)
    )
    assert set(summary["renders"]) == {"target", "prediction", "harmonic", "noise"}
    sounds = {k: soundfile.read(run_dir / path) for k, path in summary["renders"].items()}
    assert {rate for _, rate in sounds.values()} == {16_000}
    total = sounds["harmonic"][0] + sounds["noise"][0]
    np.testing.assert_allclose(sounds["prediction"][0], total, atol=1e-5)
    assert (run_dir / "overview.png").read_bytes().startswith(b"\x89PNG")
    assert "observer" not in (run_dir / "log.txt").read_text()
    names = {path.name for path in run_dir.iterdir()}
    assert {
        *("recipe", "resolved.toml", "provenance.toml", "data.json", "metrics.jsonl"),
        *("status.json", "summary.json", "log.txt", "lock", "A", "B", "C"),
    } <= names
    again = ddsp("eval", run_dir, "--split", "val", "--json")
    assert again.code == 0, again.err


@pytest.mark.slow
@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
def test_another_sample_rate_is_one_number(ddsp, tmp_path, sample_rate):
    data = excerpt(tmp_path / "audio", 5)
    done = ddsp(
        "run",
        RECIPES / "best_low_loss.toml",
        "--run-dir",
        tmp_path / "run",
        "--set",
        f"data.root={data}",
        "--set",
        f"audio.sample_rate={sample_rate}",
        *SHORT,
    )
    assert done.code == 0, done.err
    target = tmp_path / "run" / summary_of(tmp_path / "run")["renders"]["target"]
    assert soundfile.info(target).samplerate == sample_rate


def reached(run_dir, stage, step):
    try:
        text = (run_dir / "metrics.jsonl").read_text()
    except OSError:
        return False
    lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return any(line["stage"] == stage and line["step"] >= step for line in lines)


def contents(run_dir):
    """Return every weight, render and metric; wall-clock times are not among them."""
    binary = {
        path.relative_to(run_dir).as_posix(): path.read_bytes()
        for pattern in ("*.safetensors", "*.wav")
        for path in sorted(run_dir.rglob(pattern))
    }
    lines = [json.loads(x) for x in (run_dir / "metrics.jsonl").read_text().splitlines()]
    evaluation = summary_of(run_dir)["evaluation"]
    return binary, [{k: v for k, v in x.items() if k != "seconds"} for x in lines], evaluation


@pytest.mark.slow
def test_a_run_killed_in_stage_b_ends_bit_for_bit_the_same(tmp_path):
    data = excerpt(tmp_path / "audio", 6)

    def command(name):
        return [
            *(sys.executable, "-m", "ddspcore.cli", "run", str(RECIPES / "best_low_loss.toml")),
            *("--run-dir", str(tmp_path / name), "--set", f"data.root={data}", *SHORT),
        ]

    subprocess.run(command("whole"), check=True, capture_output=True)
    process = subprocess.Popen(
        command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not reached(tmp_path / "killed", "B", 2):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "summary.json").exists()
    continued = subprocess.run(command("killed"), check=True, capture_output=True, text=True)
    assert "continuing the unfinished run" in continued.stdout
    whole, killed = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert set(whole[0]) == set(killed[0])
    assert [name for name in whole[0] if whole[0][name] != killed[0][name]] == []
    assert whole[1:] == killed[1:]


@pytest.mark.slow
def test_a_folder_of_odd_files_trains_and_every_fate_is_told(ddsp, tmp_path):
    folder = excerpt(tmp_path / "audio", 3, "fine.wav")
    violin, _ = soundfile.read(VIOLIN, dtype="float32")
    stereo = np.stack([violin[:96_000], violin[:96_000]], axis=1)
    soundfile.write(folder / "stereo 48k.flac", stereo, 48_000)
    soundfile.write(folder / "kurz 短い.wav", violin[:3200], 16_000)
    soundfile.write(folder / "8bit.wav", violin[:32_000], 16_000, subtype="PCM_U8")
    soundfile.write(folder / "silent.wav", np.zeros(32_000), 16_000)
    broken = violin[:32_000].copy()
    broken[100] = np.nan
    soundfile.write(folder / "nan.wav", broken, 16_000, subtype="FLOAT")
    (folder / "empty.wav").write_bytes(b"")
    whole = (folder / "fine.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(folder / "скрипка 🎻.wav", violin[16_000:64_000], 16_000)
    (folder / "notes.wav").write_text("this is no audio\n" * 100)
    done = ddsp(
        "run",
        RECIPES / "best_low_loss.toml",
        "--run-dir",
        tmp_path / "run",
        "--set",
        f"data.root={folder}",
        *SHORT,
    )
    assert done.code == 0, done.err
    files = json.loads((tmp_path / "run" / "data.json").read_text())["files"]
    states = {file["name"]: file["state"] for file in files}
    assert states == {
        "fine.wav": "kept",
        "stereo 48k.flac": "kept",
        "8bit.wav": "kept",
        "cut.wav": "kept",
        "скрипка 🎻.wav": "kept",
        "kurz 短い.wav": "dropped",
        "silent.wav": "dropped",
        "nan.wav": "dropped",
        "empty.wav": "dropped",
        "notes.wav": "dropped",
    }
    assert all(file["why"] for file in files if file["state"] == "dropped")
    assert next(file for file in files if file["name"] == "cut.wav")["why"]


def test_a_folder_without_anything_usable_is_an_error(ddsp, tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    (folder / "notes.wav").write_text("this is no audio")
    done = ddsp(
        "run",
        RECIPES / "best_low_loss.toml",
        "--run-dir",
        tmp_path / "run",
        "--set",
        f"data.root={folder}",
    )
    assert done.code == 1
    assert "notes.wav" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("melody", MELODIES, ids=lambda path: path.stem)
def test_the_probe_falls_below_its_bar(ddsp, tmp_path, melody):
    """DDSPE2E published 2.35e-4 on its clip; the mean of five fresh noise realisations counts."""
    done = ddsp(
        *("run", RECIPES / "probe_overfit.toml", "--run-dir", tmp_path / "run"),
        *("--set", f"data.root={melody}"),
    )
    assert done.code == 0, done.err
    metric = summary_of(tmp_path / "run")["metric"]
    assert metric["name"].startswith("dgen-probe")
    assert metric["value"] <= 1.0e-4


def test_every_shipped_recipe_passes_check(ddsp):
    for path in sorted(RECIPES.rglob("*.toml")):
        done = ddsp("check", path)
        assert done.code == 0, done.err
        assert "proved by a dry run on meta" in done.out
    assert os.path.samefile(ROOT / "ddspcore" / "recipes", RECIPES)
