"""A long recording, played piece by piece, is the recording played in one piece."""

import numpy as np
import pytest
import soundfile
import torch

from ddspcore.rendering.hearing import hear
from ddspcore.rendering.pieces import Pieces
from ddspcore.rendering.playing import play

WHOLE = Pieces(seconds=3600.0)
SHORT = Pieces(seconds=3.0, context=2.0)
ROOM = "synth=[{use='harmonic'},{use='noise'},{use='reverb', initial_gain=0.3, length=0.1}]"
RECIPES = {
    "shipped": (),
    "with a room": (ROOM,),
    "gru": ("backbone={use='gru', width=32, layers=1}",),
    "hears later frames": ("backbone.causal=false",),
}


def sound(run, path, pieces):
    heard, _ = hear(run, path, pieces)
    blocks = list(play(run, heard, pieces=pieces))
    return np.concatenate(blocks), len(blocks)


@pytest.mark.parametrize("name", RECIPES)
def test_pieces_are_the_whole(open_shipped, melody, name):
    run, path = open_shipped(*RECIPES[name]), melody(16.3)
    whole, one = sound(run, path, WHOLE)
    pieces, several = sound(run, path, SHORT)
    assert (one, several > 4) == (1, True)
    assert pieces.shape == whole.shape
    assert np.abs(whole).max() > 0.01
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-4)


def test_features_of_pieces_are_those_of_the_whole(open_shipped, melody):
    run, path = open_shipped(), melody(20)
    (whole, _), (pieces, _) = (hear(run, path, each) for each in (WHOLE, SHORT))
    assert "audio" in whole.features
    assert "audio" not in pieces.features
    for name in ("f0_hz", "voicing", "loudness_db"):
        a, b = pieces.features[name], whole.features[name]
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


def test_a_rest_across_a_seam_is_bridged_as_in_the_whole(open_shipped, tmp_path):
    """No piece knows both notes: 10 s of silence are longer than what it hears around itself."""
    t = np.arange(5 * 16000) / 16000
    notes = [0.3 * np.sin(2 * np.pi * hz * t) for hz in (220, 880)]
    signal = np.concatenate([notes[0], np.zeros(10 * 16000), notes[1]]).astype("f")
    soundfile.write(tmp_path / "rest.wav", signal, 16000, subtype="FLOAT")
    run = open_shipped()
    (whole, _), (pieces, _) = (hear(run, tmp_path / "rest.wav", each) for each in (WHOLE, SHORT))
    a, b = (each.features["f0_hz"].log2() for each in (pieces, whole))
    torch.testing.assert_close(a, b, rtol=0, atol=1e-3)
    assert a[0, len(a[0]) // 2].item() == pytest.approx(np.log2(440), abs=0.02)


def test_a_synth_that_does_not_stream_plays_the_whole(open_shipped, melody):
    run, path = open_shipped(), melody(20)
    heard, _ = hear(run, path, SHORT)
    run.pipeline.synth["harmonic"] = _Unsteady(run.pipeline.synth["harmonic"])
    assert len(list(play(run, heard, pieces=SHORT))) == 1


class _Unsteady(torch.nn.Module):
    def __init__(self, synth):
        super().__init__()
        self.synth = synth

    def forward(self, controls):
        return self.synth(controls)


@pytest.mark.slow
def test_three_minutes_by_pieces_are_three_minutes_in_one(open_shipped, melody):
    run, path = open_shipped(), melody(180)
    whole, one = sound(run, path, WHOLE)
    pieces, several = sound(run, path, Pieces(seconds=30.0))
    assert (one, several > 5) == (1, True)
    assert len(whole) == 180 * 16000
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=1e-4)
