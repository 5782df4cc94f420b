from pathlib import Path

import numpy as np
import pytest
import soundfile


def test_it_writes_float_wav_as_long_as_the_input(ddsp, trained, tone_file, tmp_path) -> None:
    out = tmp_path / "out.wav"
    outcome = ddsp("render", trained, tone_file, out, "--device", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert "6.00 s at 8000 Hz" in outcome.out
    info = soundfile.info(out)
    assert (info.format, info.subtype, info.channels) == ("WAV", "FLOAT", 1)
    assert (info.samplerate, info.frames) == (8000, 48000)


def test_the_same_command_writes_the_same_bytes(ddsp, trained, tone_file, tmp_path) -> None:
    for name in ("a.wav", "b.wav"):
        assert ddsp("render", trained, tone_file, tmp_path / name, "--device", "cpu").code == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    "change", [("--transpose", "3"), ("--transpose=-3",), ("--loudness", "-6"), ("--seed", "7")]
)
def test_every_option_changes_what_is_heard(ddsp, trained, tone_file, tmp_path, change) -> None:
    plain, other = tmp_path / "plain.wav", tmp_path / "other.wav"
    assert ddsp("render", trained, tone_file, plain, "--device", "cpu").code == 0
    assert ddsp("render", trained, tone_file, other, "--device", "cpu", *change).code == 0
    (a, _), (b, _) = soundfile.read(plain), soundfile.read(other)
    assert a.shape == b.shape
    assert np.abs(a - b).max() > 1e-6


def test_any_checkpoint_can_play(ddsp, trained, tone_file, tmp_path) -> None:
    last = trained / "A/last.safetensors"
    outcome = ddsp("render", trained, tone_file, tmp_path / "o.wav", "--checkpoint", last)
    assert outcome.code == 0
    assert "last.safetensors" in outcome.out


def test_mistakes_are_said_in_a_line(ddsp, trained, tone_file, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("this is no audio")
    out = tmp_path / "out.wav"
    for arguments, said in (
        ((tmp_path, tone_file, out), "no run folder"),
        ((trained, tmp_path / "none.wav", out), "does not exist"),
        ((trained, text, out), "not audio"),
        ((trained, tone_file, tmp_path / "none" / "out.wav"), "there is no folder"),
        ((trained, tone_file, out, "--checkpoint", text), "text.wav"),
        ((trained, tone_file, out, "--transpose", "nan"), "nan is not between -120 and 120"),
        ((trained, tone_file, out, "--transpose", "1e9"), "1e+09 is not between"),
        ((trained, tone_file, out, "--loudness", "inf"), "inf is not between -120 and 120"),
    ):
        outcome = ddsp("render", *arguments)
        assert outcome.code == 1
        assert said in outcome.err
        assert outcome.err.count("\n") == 1
        assert not out.exists()
