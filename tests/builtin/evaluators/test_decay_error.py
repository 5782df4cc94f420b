from pathlib import Path

import numpy as np
import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.known import DecayError, KnownRoom
from ddspcore.builtin.known.decay_error import decay_db
from ddspcore.data.fates import DataError
from ddspcore.dsp.filters import fft_convolve

VIOLIN = Path(__file__).parents[3] / "recipes" / "audio" / "violin" / "violin.flac"


@pytest.fixture
def room(ctx):
    return KnownRoom(KnownRoom.Options(takes=2), ctx)


def test_what_is_in_the_room_is_the_dry_sound_and_its_reflections(room):
    batch = room.batch("train", [1])
    dry, response = (batch[name][0].double().numpy() for name in ("dry", "true_room_response"))
    wet = dry + np.convolve(dry, response)[: len(dry)]
    assert np.abs(batch["audio"][0].numpy() - wet).max() < 1e-5


@pytest.mark.parametrize("decay", [0.3, 0.45])
def test_it_falls_by_60_db_in_its_decay(ctx, decay):
    response = KnownRoom(KnownRoom.Options(decay=decay), ctx).response
    energy = response.double().square()
    assert energy.sum().item() == pytest.approx(1.0, abs=1e-5)
    level = decay_db(response, energy.sum())
    early, late = (int((level < db).nonzero()[0]) / 16_000 for db in (-15.0, -35.0))
    assert 3.0 * (late - early) == pytest.approx(decay, rel=0.1)


def test_an_exponential_decay_is_a_straight_line():
    response = 10.0 ** (-3.0 * torch.arange(16_000) / 8_000)
    level = decay_db(response, response.double().square().sum())
    assert torch.allclose(level[::1000][:8], -7.5 * torch.arange(8.0).double(), atol=1e-2)


@pytest.mark.parametrize("gain", [1.0, 0.5, 1.5])
def test_a_gain_of_the_room_is_the_error(evaluate, told, room, gain):
    def pipeline(batch):
        response = gain * batch["true_room_response"]
        return batch["dry"] + fft_convolve(batch["dry"], response)

    found = evaluate(DecayError, told(reverb=pipeline), [room.batch("train", [0])])
    db = abs(20.0 * np.log10(gain))
    assert found["decay-error"] == pytest.approx(db, abs=1e-2)
    assert found["decay-mean"] == pytest.approx(db, abs=1e-2)


def test_the_recording_is_played_from_item_to_item():
    ctx = Context({"sample": 16_000.0, "frame": 62.5})
    alone = KnownRoom(KnownRoom.Options(), ctx)
    both = KnownRoom(KnownRoom.Options(root=VIOLIN), ctx)
    violin = [both.batch("train", [i])["dry"] - alone.batch("train", [i])["dry"] for i in (0, 1)]
    assert all(0.01 < each.square().mean().sqrt() < 0.5 for each in violin)
    assert not torch.equal(*violin)


def test_a_recording_that_cannot_be_read_is_said(ctx, tmp_path):
    (tmp_path / "a.wav").write_text("no sound")
    for path in (tmp_path / "a.wav", tmp_path / "b.wav"):
        with pytest.raises(DataError, match=path.name):
            KnownRoom(KnownRoom.Options(root=path), ctx).batch("train", [0])
