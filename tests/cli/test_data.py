import json

import numpy as np
import pytest
import soundfile


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two tones, a note that is too short, and a text named .wav."""
    root = tmp_path / "my takes"
    root.mkdir()
    for name, seconds, hz in (("a4.wav", 2.0, 440), ("c4.flac", 1.5, 262), ("blip.wav", 0.1, 440)):
        t = np.arange(round(seconds * 16_000)) / 16_000
        soundfile.write(root / name, 0.5 * np.sin(2 * np.pi * hz * t), 16_000)
    (root / "text.wav").write_text("notes")
    (root / "README").write_text("notes")
    return root


def rows(text):
    return {line.split()[0]: line for line in text.splitlines() if line}


def test_preparing_a_folder_prints_every_fate(ddsp, folder):
    outcome = ddsp("data", "prepare", folder)
    assert outcome.code == 0
    assert outcome.err == ""
    shown = rows(outcome.out)
    assert shown["a4.wav"].split()[1:] == ["kept", "2.00", "0.00"]
    assert shown["blip.wav"].split()[1:4] == ["dropped", "0.00", "0.10"]
    assert shown["blip.wav"].endswith("0.100 s is shorter than min_seconds = 0.25")
    assert shown["text.wav"].endswith("not audio: format not recognised")
    assert "README" not in shown
    assert "2 files used" in outcome.out.splitlines()[-1]


def test_inspecting_a_folder_shows_pitch_and_levels(ddsp, folder):
    outcome = ddsp("data", "inspect", folder, "--json")
    assert outcome.code == 0
    files = {file["name"]: file for file in json.loads(outcome.out)["files"]}
    for name, hz in (("a4.wav", 440), ("c4.flac", 262)):
        assert files[name]["features"]["f0_hz"]["median"] == pytest.approx(hz, rel=0.01)
        assert files[name]["features"]["voicing"]["share"] > 0.9
        assert files[name]["peak_dbfs"] == pytest.approx(-6.0, abs=0.1)
        assert files[name]["rms_dbfs"] == pytest.approx(-9.0, abs=0.1)
    assert files["README"]["state"] == "ignored"


def test_the_table_has_a_line_for_each_file(ddsp, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    outcome = ddsp("data", "inspect", folder)
    shown = rows(outcome.out)
    assert "FLAC PCM_16" in shown["c4.flac"]
    assert "44" in shown["a4.wav"]
    assert set(shown) == {"file", "a4.wav", "blip.wav", "c4.flac", "text.wav", "2"}


def test_one_file_is_enough(ddsp, folder):
    outcome = ddsp("data", "prepare", folder / "a4.wav")
    assert "1 file used" in outcome.out


def test_a_recipe_brings_its_own_audio(ddsp, folder):
    recipe = folder / "mine.toml"
    recipe.write_text('extends = "core:best_low_loss"\n[data]\nroot = "."\n')
    outcome = ddsp("data", "prepare", recipe)
    assert outcome.code == 0, outcome.err
    assert rows(outcome.out).keys() >= {"a4.wav", "c4.flac"}


def test_a_setting_reaches_the_source(ddsp, folder):
    outcome = ddsp("data", "prepare", folder, "--set", "data.min_seconds=1.8")
    assert "1.500 s is shorter than min_seconds = 1.8" in outcome.out


def test_nothing_usable_is_exit_code_1_with_every_fate(ddsp, tmp_path):
    (tmp_path / "text.wav").write_text("notes")
    outcome = ddsp("data", "prepare", tmp_path)
    assert outcome.code == 1
    assert outcome.out == ""
    assert "holds no usable audio" in outcome.err
    assert "text.wav: dropped: not audio: format not recognised" in outcome.err


def test_a_name_that_means_nothing_is_exit_code_1(ddsp, tmp_path):
    outcome = ddsp("data", "prepare", tmp_path / "nowhere")
    assert outcome.code == 1
    assert "nowhere" in outcome.err
