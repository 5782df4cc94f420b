"""What `ddsp render` makes of recordings that are unlike the training, of folders and of scores."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.rendering.midi import save, tune

RATE = 8000


@pytest.fixture
def desk(tmp_path, monkeypatch, trained, tone_file):
    """Return a folder with the run, and the recording it was trained on."""
    monkeypatch.chdir(tmp_path)
    Path("run").symlink_to(trained)
    shutil.copy(tone_file, "tone.wav")
    return tmp_path


def write(name: str, hz: float, level: float = 0.2, seconds: float = 2.0) -> str:
    t = np.arange(round(seconds * RATE)) / RATE
    sound = level * sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3))
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(name, sound, RATE)
    return name


def test_what_was_trained_on_is_played_as_it_is(ddsp, desk) -> None:
    plain = ddsp("render", "run", "tone.wav", "plain.wav", "--keep-register", "--keep-loudness")
    matched = ddsp("render", "run", "tone.wav", "matched.wav")
    assert (plain.code, matched.code) == (0, 0)
    assert len(matched.out.splitlines()) == 1
    assert Path("plain.wav").read_bytes() == Path("matched.wav").read_bytes()


def test_another_register_and_loudness_are_matched_and_said(ddsp, desk, golden) -> None:
    write("flute.wav", 880, level=0.01)
    said = ""
    for more in ((), ("--keep-register",), ("--keep-loudness",)):
        outcome = ddsp("render", "run", "flute.wav", "out.wav", "--device", "cpu", *more)
        assert outcome.code == 0, outcome.err
        said += f"$ {' '.join(more)}\n{outcome.out.partition('out.wav:')[0]}"
    golden("render-matched", said)


def test_matching_is_what_the_options_would_do_by_hand(ddsp, desk) -> None:
    write("flute.wav", 880)
    assert ddsp("render", "run", "flute.wav", "matched.wav").code == 0
    keep = ("--keep-register", "--keep-loudness")
    assert ddsp("render", "run", "flute.wav", "scaled.wav", *keep, "--f0-scale", "0.25").code == 0
    assert ddsp("render", "run", "flute.wav", "moved.wav", *keep, "--transpose", "-24").code == 0
    by_register, scaled, moved = (
        soundfile.read(f"{name}.wav")[0] for name in ("matched", "scaled", "moved")
    )
    np.testing.assert_allclose(by_register, scaled, atol=1e-5)
    np.testing.assert_allclose(moved, scaled, atol=1e-5)


def test_a_run_without_statistics_matches_nothing_and_says_so(ddsp, desk, golden) -> None:
    shutil.copytree("run", "old", symlinks=False)
    data = json.loads(Path("old/data.json").read_text())
    del data["statistics"]
    Path("old/data.json").write_text(json.dumps(data))
    write("flute.wav", 880)
    outcome = ddsp("render", "old", "flute.wav", "out.wav")
    assert outcome.code == 0
    golden("render-without-statistics", outcome.out.partition("out.wav:")[0])
    keep = ("--keep-register", "--keep-loudness")
    assert ddsp("render", "old", "flute.wav", "kept.wav", *keep).out.count("\n") == 1
    assert Path("out.wav").read_bytes() == Path("kept.wav").read_bytes()


def test_folders_are_played_with_a_manifest_whatever_is_broken(ddsp, desk, golden) -> None:
    write("takes/low/a.wav", 110)
    write("takes/b.flac", 220)
    write("c.wav", 220)
    write("more/c.wav", 220)
    Path("takes/broken.wav").write_text("no audio")
    Path("takes/readme.txt").write_text("neither audio nor named like it")
    save(Path("takes/tune.mid"), tune((0, 1, 57, 64)))
    Path(os.fsdecode(b"takes/caf\xe9.wav")).write_text("no audio, and a name of another age")
    arguments = ("render", "run", "takes", "c.wav", "more/c.wav", "--out", "takes/played")
    for _ in range(2):  # what was played is not played again
        outcome = ddsp(*arguments, "--device", "cpu")
        assert outcome.code == 1
    golden("render-folder", outcome.out.replace(str(desk), "") + outcome.err)
    found = json.loads(Path("takes/played/manifest.json").read_text())
    rows = {row["source"]: row for row in found["items"]}
    assert {row.get("file") for row in rows.values()} == {
        "low/a.wav", "b.wav", "c.wav", "c-2.wav", "tune.wav", None
    }  # fmt: skip
    assert "not audio" in rows["takes/broken.wav"]["why"]
    assert rows["takes/low/a.wav"]["match"]["octaves"] == 1
    assert rows["takes/low/a.wav"]["said"][0] == "moved up by 1 octave"
    assert rows["c.wav"]["match"] == {"octaves": 0, "levels": {}}
    assert (found["stage"], found["sample_rate"]) == ("A", RATE)
    for row in rows.values():
        if "file" in row:
            info = soundfile.info(Path("takes/played") / row["file"])
            assert info.frames == round(row["seconds"] * RATE)


def test_a_folder_without_sound_is_said(ddsp, desk, golden) -> None:
    Path("empty").mkdir()
    outcome = ddsp("render", "run", "empty", "--out", "played")
    assert outcome.code == 1
    golden("render-nothing-there", outcome.err)


def test_a_score_is_played_and_the_part_that_is_said(ddsp, desk, golden) -> None:
    save(
        Path("tune.mid"),
        tune((0, 2, 57, 20), (2, 3, 59, 120), name="Flute"),
        tune((0, 1, 33, 64), channel=1, name="Bass"),
    )
    said = ""
    for more in ((), ("--part", "2"), ("--part", "3"), ("--vibrato-cents", "30")):
        outcome = ddsp("render", "run", "tune.mid", "out.wav", "--device", "cpu", *more)
        said += f"$ {' '.join(more)}\n{outcome.out.partition('out.wav:')[0]}{outcome.err}"
    golden("render-score", said)
    played, _ = soundfile.read("out.wav")
    assert len(played) == round((1.5 + 0.08 + 1.0) * RATE)
    assert np.isfinite(played).all()
    assert np.abs(played).max() > 1e-4


def test_the_style_of_a_score_is_heard(ddsp, desk) -> None:
    save(Path("tune.mid"), tune((0, 2, 57, 64), (2, 4, 60, 64)))
    sounds = []
    for more in ((), ("--attack", "0.3"), ("--release", "0.3"), ("--portamento", "0.4"),
                 ("--vibrato-cents", "50"), ("--legato", "-1")):  # fmt: skip
        assert ddsp("render", "run", "tune.mid", "out.wav", *more).code == 0
        sounds.append(soundfile.read("out.wav")[0])
    for other in sounds[1:]:
        assert len(other) != len(sounds[0]) or np.abs(other - sounds[0]).max() > 1e-6
