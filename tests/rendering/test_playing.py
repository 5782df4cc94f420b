"""A run that hums: one sine at the features' pitch, as loud as they say, plus what noise adds."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from ddspcore import Control
from ddspcore.data.features import FeatureNode
from ddspcore.dsp.loudness import rms_db
from ddspcore.dsp.oscillators import harmonic_bank
from ddspcore.dsp.pitch import track
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, Output
from ddspcore.randomness import white_noise
from ddspcore.recipe.schema import Audio
from ddspcore.rendering.changing import Change
from ddspcore.rendering.hearing import Heard, hear
from ddspcore.rendering.pieces import Pieces
from ddspcore.rendering.playing import play
from ddspcore.train.device import DeviceChoice

RATE, HOP = 16000, 256


class Pitch(nn.Module):
    def forward(self, batch: Batch) -> Batch:
        return {"f0_hz": track(batch["audio"], RATE, HOP)[0][..., None]}


class Level(nn.Module):
    def forward(self, batch: Batch) -> Batch:
        return {"loudness_db": rms_db(batch["audio"], HOP, 1024)[..., None]}


class Hum(nn.Module):
    """Plays 0 dB as amplitude 1, as `rms_db` has it."""

    def __init__(self, noise: float = 0.0):
        super().__init__()
        self.noise = noise
        self.wiring = SimpleNamespace(data=(), wires=())
        self.seen: Batch = {}

    def with_noise(self, batch: Batch, *, seed: int) -> Batch:
        samples = batch["audio"].shape[1]
        white = white_noise(batch["item"], samples, seed=seed, step=-1, label="white")
        return batch | {"white": white}

    def forward(self, batch: Batch) -> Output:
        self.seen = batch
        level = batch["loudness_db"]
        amplitude = torch.where(level > -80, 10 ** (level / 20), 0.0)
        hum = harmonic_bank(batch["f0_hz"][..., 0], amplitude, HOP, RATE)
        return Output(hum + self.noise * batch["white"], {}, batch)


def open_hum(folder: Path, gain: float = 1.0, noise: float = 0.0, audio: bool = True):
    frame = {"axis": "frame", "channels": 1}
    nodes = (
        FeatureNode("f0", Pitch(), "", (Control("f0_hz", "hz", lo=50, hi=2000, **frame),)),
        FeatureNode("loudness", Level(), "", (Control("loudness_db", "db", lo=-80, **frame),)),
    )
    recipe = SimpleNamespace(audio=Audio(sample_rate=RATE, hop=HOP) if audio else None, seed=1)
    device = DeviceChoice("cpu", "cpu", "cpu")
    return SimpleNamespace(
        folder=folder,
        recipe=recipe,
        pipeline=Hum(noise),
        features=nodes,
        device=device,
        data={"gain": gain},
    )


def render(run, path: Path, change: Change | None = None, seed: int | None = None) -> np.ndarray:
    heard, _ = hear(run, path, Pieces())
    features = (change or Change()).apply(heard.features, run.features)
    return np.concatenate(list(play(run, Heard(features, heard.samples), seed)))


def tone(rate: int = RATE, samples: int = 30000, hz: float = 220.0, level: float = 0.25) -> Tensor:
    return level * torch.sin(2 * math.pi * hz * torch.arange(samples) / rate)


@pytest.fixture
def record(tmp_path: Path):
    def write(signal: Tensor, rate: int = RATE) -> Path:
        path = tmp_path / "in.wav"
        soundfile.write(path, signal.numpy(), rate, subtype="FLOAT")
        return path

    return write


def middle(signal: np.ndarray) -> Tensor:
    return torch.from_numpy(signal)[None, 4000:-4000]


@pytest.mark.parametrize(
    ("rate", "samples", "expected"),
    [(16000, 30001, 30001), (48000, 90001, 30000), (44100, 44100, 16000), (8000, 15001, 30002)],
)
def test_it_is_as_long_as_the_recording(record, tmp_path, rate, samples, expected) -> None:
    run = open_hum(tmp_path)
    path = record(tone(rate, samples), rate)
    assert render(run, path).shape == (expected,)


@pytest.mark.parametrize("gain", [0.2, 1.0, 3.0])
def test_the_gain_reaches_the_features_and_is_undone(record, tmp_path, gain: float) -> None:
    run = open_hum(tmp_path, gain)
    played = render(run, record(tone()))
    heard = run.pipeline.seen["loudness_db"].median().item()
    assert heard == pytest.approx(20 * math.log10(0.25 * gain), abs=0.05)
    assert played.dtype == np.float32
    rms = middle(played).square().mean().sqrt().item()
    assert rms == pytest.approx(0.25 / math.sqrt(2), rel=0.01)


def test_there_is_no_delay(record, tmp_path) -> None:
    run = open_hum(tmp_path)
    envelope = torch.zeros(32768)
    envelope[9000:20000] = 1.0
    recording = tone(samples=32768) * envelope
    played = render(run, record(recording))
    for signal in (recording, torch.from_numpy(played)):
        energy = signal.square().cumsum(0)
        assert (energy > 0.5 * energy[-1]).nonzero()[0].item() == pytest.approx(14500, abs=40)


@pytest.mark.parametrize("semitones", [-12.0, 0.5, 7.0])
def test_it_transposes(record, tmp_path, semitones: float) -> None:
    run = open_hum(tmp_path)
    played = render(run, record(tone()), Change(semitones=semitones))
    f0_hz = track(middle(played), RATE, HOP)[0].median().item()
    assert 12 * math.log2(f0_hz / 220) == pytest.approx(semitones, abs=0.01)


def test_transposing_and_scaling_multiply(record, tmp_path) -> None:
    run = open_hum(tmp_path)
    played = render(run, record(tone()), Change(semitones=12.0, f0_scale=0.75))
    assert track(middle(played), RATE, HOP)[0].median().item() == pytest.approx(330.0, rel=1e-4)


def test_it_plays_louder_and_silence_stays_silence(record, tmp_path) -> None:
    run = open_hum(tmp_path)
    signal = torch.cat([tone(), torch.zeros(30000)])
    path = record(signal)
    plain, louder = (render(run, path, Change(loudness_db=db)) for db in (0.0, 6.0))
    gain_db = 20 * math.log10(np.abs(louder[:29000]).sum() / np.abs(plain[:29000]).sum())
    assert gain_db == pytest.approx(6.0, abs=0.05)
    assert np.abs(louder[32000:]).max() == 0.0


def test_a_seed_is_another_realisation_of_the_noise(record, tmp_path) -> None:
    run = open_hum(tmp_path, noise=0.1)
    path = record(tone())
    default, same, other = (render(run, path, seed=seed) for seed in (None, 1, 2))
    assert np.array_equal(default, same)
    assert not np.array_equal(default, other)


@pytest.mark.parametrize("samples", [1, 100, 300])
def test_the_shortest_recordings_play(record, tmp_path, samples: int) -> None:
    run = open_hum(tmp_path)
    played = render(run, record(tone(samples=samples)))
    assert played.shape == (samples,)
    assert np.isfinite(played).all()


def test_what_cannot_be_played_is_said(record, tmp_path) -> None:
    run = open_hum(tmp_path)
    with pytest.raises(UserError, match=r"in\.wav.*not finite"):
        render(run, record(torch.full((100,), torch.nan)))
    with pytest.raises(UserError, match=r"no \[audio\]"):
        render(open_hum(tmp_path, audio=False), tmp_path / "in.wav")
    path = record(tone())
    run.features = run.features[:1]
    with pytest.raises(UserError, match=r"--loudness needs .* loudness_db or rms_db; .* f0_hz"):
        render(run, path, Change(loudness_db=3.0))
    with pytest.raises(UserError, match=r"--f0-scale needs .* f0_hz; .* nothing"):
        Change(f0_scale=2.0).apply({}, ())
