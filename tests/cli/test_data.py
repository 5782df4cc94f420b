import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

NUMBERS = """
from ddspcore import hookimpl, source

@source("numbers")
class Numbers:
    "Nothing that was recorded."

    @staticmethod
    def provides(opt, ctx): return ()
    @staticmethod
    def target(opt, ctx): return ""
    def count(self, split): return 1
    def batch(self, split, indices): return {}

@hookimpl
def ddsp_sources(): return [Numbers]
"""
NUMBERED = """
data = { use = "numbers" }
metric = { use = "mss" }
audio = { sample_rate = 16000 }
[[stage]]
name = "A"
steps = 1
lr = 0.1
loss = { use = "mrstft" }
"""


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
    files = {"a4.wav", "blip.wav", "c4.flac", "text.wav"}
    assert set(shown) == {"file", *files, "2", "verdict:", "good", "hurts"}
    assert shown["a4.wav"].split()[1:7] == ["val", "32000", "126", "0.70003", "440.00", "2.0"]


def test_the_verdict_is_in_words(ddsp, folder, golden, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    golden("data-inspect", ddsp("data", "inspect", folder).out)


def test_one_side_or_a_few_files_can_be_asked_for(ddsp, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    held_out = rows(ddsp("data", "inspect", folder, "--split", "val").out)
    assert len({"a4.wav", "c4.flac", "text.wav"} & set(held_out)) == 1
    assert "blip.wav" not in rows(ddsp("data", "inspect", folder, "--limit", "1").out)
    asked = ddsp("data", "inspect", folder, "--split", "train", "--limit", "1", "--json")
    assert [file["split"] for file in json.loads(asked.out)["files"]] == ["train"]


def test_a_picture_is_drawn_where_it_was_asked_for(ddsp, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    for out, file in ((tmp_path / "p.png", "p.png"), (tmp_path / "new", "new/inspection.png")):
        outcome = ddsp("data", "inspect", folder, "--out", out)
        assert outcome.code == 0, outcome.err
        assert (tmp_path / file).read_bytes().startswith(b"\x89PNG")
        assert outcome.out.splitlines()[-1] == f"{tmp_path / file}: pitch, loudness and files"
    nowhere = ddsp("data", "inspect", folder, "--out", tmp_path / "no" / "p.png")
    assert (nowhere.code, nowhere.err.count("\n")) == (1, 1)


def test_the_json_has_every_measure_and_the_verdict(ddsp, folder):
    found = json.loads(ddsp("data", "inspect", folder, "--json").out)
    files = {file["name"]: file for file in found["files"]}
    assert files["text.wav"]["quality"] is None
    assert files["a4.wav"]["quality"]["f0_notes"] == {"69": pytest.approx(2.0, abs=0.1)}
    assert found["f0_range"] == [50.0, 2000.0]
    assert {*found["verdict"][0]} == {"good", "text", "advice"}


def test_the_page_lists_every_key_of_a_row(ddsp, folder):
    page = (Path(__file__).parents[2] / "docs/data.md").read_text()
    table = page[page.index("## A row of `files`") : page.index("## Preparing")]
    row = json.loads(ddsp("data", "inspect", folder / "a4.wav", "--json").out)["files"][0]
    documented = set(re.findall(r"`(\w+)`", table)) - {"files"}
    assert {*row, *row["quality"]} <= documented


def test_a_source_that_cannot_be_inspected_says_so(ddsp, tmp_path, site):
    site.add("ddsp-numbers", NUMBERS)
    recipe = tmp_path / "numbers.toml"
    recipe.write_text(NUMBERED)
    for command, said in (("inspect", "cannot be inspected"), ("prepare", "reports no files")):
        outcome = ddsp("data", command, recipe)
        assert (outcome.code, outcome.err) == (
            1,
            f"error: {recipe}: its source, numbers, {said}\n",
        )


def test_the_split_that_leaks_is_refused_with_the_reason(ddsp, folder, golden):
    outcome = ddsp("data", "prepare", folder, "--set", "data.split=chunk")
    assert outcome.code == 1
    golden("data-chunk-split", outcome.err)


def cached(cache):
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*.safetensors")}


@pytest.mark.slow
def test_a_killed_preparation_goes_on_where_it_stopped(ddsp, tmp_path, monkeypatch):
    """A real process, killed in the middle; what it had finished is not done again."""
    root, cache = tmp_path / "takes", tmp_path / "cache"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        noise = 0.1 * rng.standard_normal(8 * 44_100)
        soundfile.write(root / f"{number}.wav", noise, 44_100)
    command = [sys.executable, "-m", "ddspcore.cli", "data", "prepare", root]
    process = subprocess.Popen(
        command,
        env=os.environ | {"DDSP_CACHE": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while len(cached(cache)) < 3 and process.poll() is None:
            time.sleep(0.002)
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL
    before = cached(cache)
    assert 3 <= len(before) < 12
    monkeypatch.setenv("DDSP_CACHE", str(cache))
    outcome = ddsp("data", "prepare", root)
    assert outcome.code == 0, outcome.err
    after = cached(cache)
    assert len(after) == 12
    assert before.items() <= after.items()
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "clean"))
    assert ddsp("data", "prepare", root).out == outcome.out


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
