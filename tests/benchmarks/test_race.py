import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.race import page, stand_ins
from benchmarks.race.__main__ import main
from benchmarks.race.audio import Audio, divide
from benchmarks.race.clock import CLOCK, PREPARED, Clock, times
from benchmarks.race.entrants import DONE, PLAYED, Ours, Peer, compete
from benchmarks.race.ours import lengthened, recipe_of
from benchmarks.race.scores import Course, Point, score, scores
from ddspcore.catalog import Catalog
from ddspcore.data.wav import encode_wav
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure

RATE = 16_000
MODEL = """
import torch

class DDSP(torch.nn.Module):
    def __init__(self, block_size):
        super().__init__()
        self.block_size = block_size
        self.gain = torch.nn.Parameter(torch.zeros(()))

    def forward(self, pitch, loudness):
        return self.gain + torch.zeros(1, pitch.shape[1] * self.block_size, 1)
"""
CORE = """
import crepe

def extract_pitch(signal, rate, block):
    return crepe.predict(
        signal, rate, step_size=1000 * block // rate, verbose=1, center=True, viterbi=True
    )[1][:-1]

def extract_loudness(signal, rate, block):
    return signal[::block]
"""
PREPROCESS = """
import librosa
import yaml
from effortless_config import Config

class args(Config):
    CONFIG = "config.yaml"

args.parse_args()
with open(args.CONFIG) as file:
    found = yaml.safe_load(file)["data"]["data_location"]
open("found", "w").write(found)
"""
TRAIN = """
from os import path
import yaml
from torch.utils.tensorboard import SummaryWriter
from effortless_config import Config
from tqdm import tqdm
from ddsp.model import DDSP

class args(Config):
    BATCH = 16

args.parse_args()
config = yaml.safe_load(open("config.yaml"))
config["data"] |= {"mean_loudness": 0.0, "std_loudness": 1.0, "batch": args.BATCH}
model = DDSP(**config["model"])
writer = SummaryWriter(path.join("runs", "debug"), flush_secs=20)
yaml.safe_dump(config, open(path.join("runs", "debug", "config.yaml"), "w"))
for step in tqdm(range(10**9)):
    model.gain.data += 1.0
    writer.add_scalar("loss", 0.5, step)
"""
CONFIG = """
data: {data_location: nowhere, extension: wav}
preprocess: {sampling_rate: 16000, block_size: 160}
model: {block_size: 160}
"""


def tone(seconds, hz=220.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE, dtype=np.float32)


@pytest.fixture
def audio(tmp_path):
    for name, seconds in (("train", 3.0), ("held-out", 1.05)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0000.wav").write_bytes(encode_wav(tone(seconds), RATE))
    return Audio(tmp_path / "train", tmp_path / "held-out", 3.0, 1.05)


@pytest.fixture
def checkout(tmp_path):
    """A project whose scripts are laid out as the peer's are."""
    files = {"ddsp/__init__.py": "", "ddsp/model.py": MODEL, "ddsp/core.py": CORE}
    files |= {"preprocess.py": PREPROCESS, "train.py": TRAIN, "config.yaml": CONFIG}
    (tmp_path / "checkout" / "ddsp").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "checkout" / name).write_text(text)
    return tmp_path / "checkout"


def test_the_weighting_is_the_standards():
    known = {31.62: -39.4, 100.0: -19.1, 1000.0: 0.0, 10_000.0: -2.5}
    found = stand_ins.a_weighting_db(np.array(list(known)))
    np.testing.assert_allclose(found, list(known.values()), atol=0.15)
    assert stand_ins.a_weighting_db(np.zeros(1)) == stand_ins.LEAST_DB


def test_spectra_and_pitch_have_a_frame_every_hop():
    signal = tone(1.0)
    spectra = stand_ins.stft(signal, n_fft=512, hop_length=160, win_length=512, center=True)
    assert spectra.shape == (257, 101)
    bins = stand_ins.fft_frequencies(RATE, 512)
    assert abs(bins[np.abs(spectra[:, 50]).argmax()] - 220.0) <= RATE / 512
    seconds, f0_hz, _, _ = stand_ins.predict(
        signal, RATE, step_size=10, verbose=1, center=True, viterbi=True
    )
    assert seconds[-1] == pytest.approx(1.0)
    np.testing.assert_allclose(f0_hz, np.full(101, 220.0), rtol=1e-3)


def test_the_audio_is_divided_once_and_none_of_it_is_on_both_sides(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tone.wav").write_bytes(encode_wav(tone(20.0), RATE))
    found = divide(tmp_path / "tone.wav", tmp_path / "out")
    assert found.train_s + found.held_out_s == pytest.approx(20.0 - 1.024, abs=0.02)
    assert [path.name for path in found.held_out.iterdir()] == ["0000.wav"]


def test_a_longer_recipe_decays_over_the_same_share_of_its_steps():
    path = resolve_recipe("best_low_loss")
    longer = structure(read(path, lengthened("best_low_loss", 2.0)), Catalog(discover())).stages
    for one, two in zip(recipe_of("best_low_loss").stages, longer, strict=True):
        assert two.steps == 2 * one.steps
        ends = (stage.lr.value(stage.steps, stage.steps) for stage in (one, two))
        assert next(ends) == pytest.approx(next(ends))


def test_the_clock_keeps_the_last_time_of_a_checkpoint(tmp_path):
    clock = Clock(tmp_path / CLOCK)
    for name in (PREPARED, "a", "a"):
        clock.note(name)
    lines = (tmp_path / CLOCK).read_text().splitlines()
    assert times(tmp_path / CLOCK)["a"] == json.loads(lines[-1])["cpu_s"]
    clock.paused = clock.now()
    assert clock.now() == pytest.approx(0.0, abs=0.1)


def test_what_is_played_as_it_was_has_no_distance(audio, tmp_path):
    assert scores(audio.held_out, audio.held_out) == pytest.approx(
        {"mss": 0.0, "mel-lsd": 0.0, "f0-cents": 0.0, "loudness-db": 0.0}, abs=1e-6
    )
    other = tmp_path / "other"
    other.mkdir()
    (other / "0000.wav").write_bytes(encode_wav(tone(1.05, hz=220.0 * 2 ** (1 / 12)), RATE))
    assert scores(audio.held_out, other)["f0-cents"] == pytest.approx(100.0, abs=1.0)


def course(*points):
    metrics = ("mss", "mel-lsd", "f0-cents", "loudness-db")
    return Course(2.0, tuple(Point(at, dict.fromkeys(metrics, value)) for at, value in points))


def test_the_page_says_who_was_as_good_and_when(tmp_path):
    courses = {
        "ours": course((10.0, 3.0), (50.0, 1.0), (60.0, 0.5)),
        "slow": course((50.0, 3.0)),
        "theirs": course((100.0, 2.0), (500.0, 1.0), (600.0, 4.0)),
    }
    (tmp_path / "images").mkdir()
    (tmp_path / "race.md").write_text("# A race\n\n<!-- violin -->\n<!-- end of violin -->\n")
    audio = Audio(Path("train"), Path("held-out"), 42.0, 4.8)
    page.write("violin", "python -m benchmarks.race x", audio, courses, "theirs", tmp_path)
    text = (tmp_path / "race.md").read_text()
    assert "42 s to train on, 4.8 s held out" in text
    assert "theirs has mss 1 after 500 s of CPU time." in text
    assert "ours is as good after 50 s, 1/10 of that." in text
    assert "slow is as good at no time." in text
    assert "| theirs | 2.0 | 500 | 1 | 1 dB | 1 cents | 1 dB |" in text
    assert (tmp_path / "images" / "race-violin.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_peers_scripts_train_until_the_time_is_up_and_play(audio, checkout, tmp_path):
    folder = tmp_path / "peer"
    compete(Peer(checkout, batch=3), audio, folder, seconds=6.0)
    found = times(folder / CLOCK)
    assert found[PREPARED] < list(found.values())[-1] <= 7.0
    heard = Path((folder / "found").read_text())
    assert len(list(heard.glob("*.wav"))) == 4  # three pieces of 4 s are 12 s: 3 s four times
    for checkpoint in found.keys() - {PREPARED}:
        steps = int(Path(checkpoint).stem)
        weights = torch.load(folder / checkpoint, weights_only=True)
        assert weights["gain"] == steps
        played = (folder / PLAYED / checkpoint / "0000.wav").stat().st_size
        assert played == (audio.held_out / "0000.wav").stat().st_size
    reached = score(audio, folder, 6.0)
    assert len(reached.points) == len(found) - 1
    before = (folder / CLOCK).read_bytes()
    compete(Peer(checkout, batch=3), audio, folder, seconds=6.0)
    assert (folder / CLOCK).read_bytes() == before  # found done


@pytest.mark.slow
def test_a_recipe_stops_when_the_time_is_up_and_is_scored(tmp_path, monkeypatch):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    violin = resolve_recipe("best_low_loss").parent / "audio" / "violin"
    audio = divide(violin, tmp_path / "audio")
    small = ("stage.A.batch=1", "stage.A.steps=50", "stage.B.steps=1", "stage.C.steps=1")
    compete(Ours("best_low_loss", small), audio, tmp_path / "ours", seconds=1.0)
    reached = score(audio, tmp_path / "ours", 60.0)
    assert [path.name for path in (tmp_path / "ours" / PLAYED).rglob("0000.wav")] == ["0000.wav"]
    assert 0.0 < reached.best.scores["mss"] < 4.0


def test_a_race_that_is_over_is_only_written_up(tmp_path, monkeypatch, checkout):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    checkout.rename(tmp_path / "ddsp_pytorch")
    (tmp_path / "tone.wav").write_bytes(encode_wav(tone(20.0), RATE))
    for entrant in ("best_low_loss", "paper-batch-2", "ddsp_pytorch-batch-2"):
        folder = tmp_path / "out" / "tone" / entrant
        played = folder / PLAYED / "first"
        played.mkdir(parents=True)
        (played / "0000.wav").write_bytes(encode_wav(tone(2.0), RATE))
        (folder / DONE).touch()
        clock = Clock(folder / CLOCK)
        for name in (PREPARED, "first"):
            clock.note(name)
    (tmp_path / "images").mkdir()
    (tmp_path / "race.md").write_text("<!-- tone -->\n<!-- end of tone -->\n")
    places = {"peers": tmp_path, "out": tmp_path / "out", "docs": tmp_path}
    words = [word for name, place in places.items() for word in (f"--{name}", str(place))]
    assert main([str(tmp_path / "tone.wav"), *words, "--batch", "2", "--seconds", "1e6"]) == 0
    text = (tmp_path / "race.md").read_text()
    assert "--peers FOLDER --seconds 1e+06 --batch 2`" in text
    assert [line.split("|")[1].strip() for line in text.splitlines() if " dB |" in line] == [
        *("best_low_loss", "paper, batch 2", "ddsp_pytorch, batch 2"),
    ]
