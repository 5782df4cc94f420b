import json
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


def test_a_split_is_rendered_with_a_manifest(ddsp, trained, tmp_path) -> None:
    out = tmp_path / "renders"
    outcome = ddsp("render", trained, "--split", "val", "--out", out, "--device", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads((out / "manifest.json").read_text())
    [item] = found["items"]
    assert (item["index"], item["source"]) == (0, "tone.wav")
    assert item["start"] + item["seconds"] == pytest.approx(6.0, abs=0.02)
    assert set(item["files"]) == {"target", "prediction", "harmonic", "noise"}
    assert found["stage"] == "A"
    assert found["step"] == json.loads((trained / "summary.json").read_text())["stages"][0][
        "best_step"
    ]  # fmt: skip
    assert {path.name for path in out.iterdir()} == {"manifest.json", *item["files"].values()}
    sounds = {what: soundfile.read(out / name)[0] for what, name in item["files"].items()}
    assert len(sounds["target"]) == round(item["seconds"] * 8000)
    np.testing.assert_allclose(
        sounds["harmonic"] + sounds["noise"], sounds["prediction"], atol=1e-6
    )
    # What `ddsp run` and `ddsp eval` write of the same weights.
    saved, _ = soundfile.read(trained / "A/val/render/prediction.wav")
    np.testing.assert_array_equal(sounds["prediction"], saved)


def test_a_split_can_be_played_otherwise_and_by_any_checkpoint(ddsp, trained, tmp_path) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    for out, more in (
        (plain, ()),
        (
            other,
            ("--transpose", "3", "--seed", "7", "--checkpoint", trained / "A/last.safetensors"),
        ),
    ):
        outcome = ddsp("render", trained, "--split", "train", "--items", "1", "--out", out, *more)
        assert outcome.code == 0, outcome.err
    a, b = (json.loads((out / "manifest.json").read_text()) for out in (plain, other))
    assert (b["transpose"], b["seed"], b["step"]) == (3.0, 7, 3)
    [one], [two] = a["items"], b["items"]
    assert one["start"] == 0.0
    sounds = [soundfile.read(out / row["files"]["prediction"])[0] for out, row in
              ((plain, one), (other, two))]  # fmt: skip
    assert np.abs(sounds[0] - sounds[1]).max() > 1e-6


def test_a_file_and_a_split_are_not_mixed_up(ddsp, trained, tone_file, golden) -> None:
    said = ""
    for arguments in (
        (),
        (tone_file,),
        (tone_file, "out.wav", "--split", "val"),
        (tone_file, "out.wav", "--items", "3"),
        (".", "out.wav"),
        (tone_file, "."),
        (tone_file, "out.mp3"),
        (tone_file, "out.wav", "--transpose", "100", "--f0-scale", "4"),
    ):
        outcome = ddsp("render", trained, *arguments)
        assert outcome.code == 1
        said += outcome.err
    golden("render-usage", said)


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
        ((trained, tone_file, out, "--f0-scale", "0"), "0.0 is not in the range"),
        ((trained, tone_file, out, "--f0-scale", "nan"), "nan is no number"),
        ((trained, tone_file, out, "--attack", "-1"), "-1.0 is not in the range"),
        ((trained, tone_file, tone_file), "would replace the file that is played"),
    ):
        outcome = ddsp("render", *arguments)
        assert outcome.code == 1
        assert said in outcome.err
        assert outcome.err.count("\n") == 1
        assert not out.exists()
