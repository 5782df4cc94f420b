"""One command that trains the reference and others on the same chunk of each recording."""

import contextlib
import io
import json
import math
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("ddsp_dgen", reason="ddsp-dgen is not installed")

from ddspcore.assemble import build_source
from ddspcore.catalog import Catalog
from ddspcore.cli import main as ddsp
from ddspcore.data.fates import DataError
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure

from ddsp_dgen.compare.__main__ import main
from ddsp_dgen.compare.chunks import clips, pick, write_chunk
from ddsp_dgen.compare.scores import Score
from ddsp_dgen.compare.table import CAPTION, overall, to_json, to_markdown

RATE = 16_000
SHORT = [
    *("--device", "cpu", "--set", "metric.every=2"),
    *(word for stage in "ABC" for word in ("--set", f"stage.{stage}.steps=2")),
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


def tone(seconds: float, f0_hz: float = 220.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    partials = (np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 9))
    return 0.1 * sum(partials)


@pytest.fixture
def recording(tmp_path) -> Path:
    """Return a second of hiss, then two of a tone, half as loud in its first second."""
    hiss = np.random.default_rng(0).uniform(-0.3, 0.3, RATE)
    sound = np.concatenate([hiss, 0.5 * tone(1), tone(1.5)])
    soundfile.write(tmp_path / "tone.wav", sound, RATE, subtype="FLOAT")
    return tmp_path / "tone.wav"


def test_the_chunk_is_voiced_then_loud(recording, catalog):
    chunk = pick(recording, catalog)
    assert chunk.shape == (16384,)
    assert float(chunk.abs().max()) == pytest.approx(0.99)
    first, last = (float(part.square().mean()) for part in (chunk[2000:4000], chunk[-4000:-2000]))
    assert first == pytest.approx(last, rel=0.05)


@pytest.mark.parametrize("recipe", ["dgen:published", "dgen:exact", "probe_dry", "probe_overfit"])
def test_every_recipe_hears_the_very_samples(recipe, recording, tmp_path, catalog):
    (clip,) = clips([recording])
    path = write_chunk(clip, tmp_path / "chunks", catalog)
    document = read(resolve_recipe(recipe), (f"data.root={path}",))
    source = build_source(structure(document, catalog))
    assert source.count("train") == 1
    heard = source.batch("train", [0])["audio"][0]
    assert heard.abs().max() == torch.tensor(0.99)
    assert torch.equal(heard, torch.from_numpy(soundfile.read(path, dtype="float32")[0]))


def test_a_chunk_is_the_same_file_whenever_it_is_written(recording, tmp_path, catalog):
    (clip,) = clips([recording])
    first = write_chunk(clip, tmp_path / "chunks", catalog).read_bytes()
    time.sleep(1.1)  # what libsndfile would write down has a resolution of a second
    assert write_chunk(clip, tmp_path / "chunks", catalog).read_bytes() == first


def test_recordings_of_one_name_are_told_apart(tmp_path):
    for place in ("a/x.wav", "b/x.wav", "b/y.flac"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / place, tone(1), RATE)
    (tmp_path / "b" / "notes.txt").write_text("no audio")
    first, second, third = (clip.name for clip in clips([tmp_path / "a", tmp_path / "b"]))
    assert first.endswith("a_x.wav")
    assert second.endswith("b_x.wav")
    assert third == "y"


def test_nothing_to_compare_on_is_told(tmp_path, capsys):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "silent.wav" in told
    assert "error: no recording is left to compare on" in told
    with pytest.raises(DataError, match="No such file"):
        clips([tmp_path / "none"])


def a_score(probe: float, floor: float = 0.0) -> Score:
    return Score(probe, probe / 2, probe * 8094, floor, 60.0, 72081, "ab")


SCORES = {
    "violin": {"theirs": a_score(2e-4), "ours": a_score(1e-4, 0.5e-4)},
    "flute": {"theirs": a_score(4e-4), "ours": a_score(1e-4, 0.5e-4)},
    "voice": {"theirs": a_score(2e-4), "ours": a_score(0.2e-4, 0.1e-4)},
}


def test_medians_are_over_clips_and_shares_are_clip_by_clip():
    ours = overall(SCORES)["ours"]
    assert (ours.share, ours.largest_share) == pytest.approx((0.25, 0.5))
    assert (ours.probe_1e_8, ours.floor) == pytest.approx((1e-4, 0.5e-4))
    theirs = overall(SCORES)["theirs"]
    assert (theirs.share, theirs.largest_share) == (1.0, 1.0)


def test_the_table_has_a_row_for_everything():
    lines = to_markdown(SCORES).removesuffix(CAPTION).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in cells[2::2]] == [*SCORES, "median"]
    assert cells[3] == [
        "violin",
        "ours",
        "1.000",
        "0.500",
        "0.809",
        "0.50",
        "0.500",
        "72,081",
        "60",
    ]
    assert cells[-1][5] == "0.25, at most 0.50"
    assert cells[-2][6] == ""
    assert to_json(SCORES)["clips"]["violin"]["ours"] == attrs.asdict(SCORES["violin"]["ours"])


def in_this_process(command, **_: object) -> subprocess.CompletedProcess:
    """Stand in for `subprocess.run`: to import everything anew takes most of a run of few steps."""
    with contextlib.redirect_stdout(io.StringIO()):
        return subprocess.CompletedProcess(command, ddsp(command[3:]))


@pytest.mark.slow
def test_the_command_trains_scores_and_goes_on(recording, tmp_path, capsys, monkeypatch):
    here = SimpleNamespace(run=in_this_process, DEVNULL=None)
    monkeypatch.setattr("ddsp_dgen.compare.__main__.subprocess", here)
    words = [str(recording), "--out", str(tmp_path / "out"), "--recipe", "probe_dry", *SHORT]
    assert main(words) == 0
    table = capsys.readouterr().out
    assert table == (tmp_path / "out" / "table.md").read_text()
    found = json.loads((tmp_path / "out" / "table.json").read_text())["clips"]["tone"]
    assert set(found) == {"dgen:published", "dgen:exact", "probe_dry"}
    assert len({one["audio_sha256"] for one in found.values()}) == 1
    assert found["dgen:published"]["floor"] == 0.0
    assert 0.0 < found["probe_dry"]["floor"] < found["probe_dry"]["probe_1e_8"]
    for recipe, one in found.items():
        folder = tmp_path / "out" / "tone" / recipe.replace(":", "_")
        summary = json.loads((folder / "summary.json").read_text())
        # the run's own evaluation: the same chunk, and as many realisations
        assert one["probe_1e_3"] == pytest.approx(
            summary["evaluation"]["train"]["dgen-probe/0.001"], rel=1e-5
        )
        assert math.isfinite(one["per_bin"])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert main(words) == 0
    assert capsys.readouterr().out == table
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}


@pytest.mark.slow
def test_a_recipe_that_does_not_train_ends_the_comparison(recording, tmp_path, capfd):
    words = [str(recording), "--out", str(tmp_path / "out"), *SHORT, "--set", "stage.A.lr=fast"]
    assert main(words) == 1
    assert "lr must be a number or a schedule" in capfd.readouterr().err
