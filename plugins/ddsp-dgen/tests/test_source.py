"""How recordings become chunks."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

corpus = pytest.importorskip("ddsp_dgen.corpus", reason="ddsp-dgen is not installed")

from ddspcore import Context  # noqa: E402
from ddspcore.data.fates import DataError  # noqa: E402
from ddspcore.data.features import FeatureNode  # noqa: E402

from ddsp_dgen.features import Autocorrelation  # noqa: E402
from ddsp_dgen.source import Chunks  # noqa: E402

CTX = Context({"sample": 16000.0, "frame": 62.5})


def write(path: Path, samples: int, rate: int = 16000, channels: int = 1, scale: float = 0.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(samples) / rate
    tone = scale * np.sin(2 * np.pi * 300 * t)
    soundfile.write(path, np.stack([tone] * channels, 1), rate, subtype="FLOAT")


def chunks(root: Path, **options) -> Chunks:
    opt = Autocorrelation.Options()
    node = FeatureNode("f0", Autocorrelation(opt, CTX), "f0", Autocorrelation.provides(opt, CTX))
    return Chunks(Chunks.Options(root=root, **options), CTX, (node,))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, []),
        (10, [0]),
        (16, [0]),
        (17, [0, 1]),
        (24, [0, 8]),
        (33, [0, 8, 16, 17]),
    ],
)
def test_where_chunks_begin(length, expected):
    assert corpus.starts(length, 16, 8) == expected


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 60))
def test_chunks_lie_within_a_file_and_reach_its_end(length, size, hop):
    found = corpus.starts(length, size, hop)
    assert found == sorted(set(found))
    assert found[0] == 0
    assert found[-1] + size >= length
    assert length <= size or found[-1] + size == length


@given(st.integers(2, 40), st.floats(0, 1), st.none() | st.integers(0, 9))
def test_a_split_loses_no_chunk(count, share, seed):
    train, val = corpus.divide(count, share, seed)
    assert sorted([*train, *val]) == list(range(count))
    assert train
    assert val


def test_the_split_is_of_chunks_and_leaves_neither_side_empty():
    assert corpus.divide(10, 0.9, seed=1) == ([5, 7, 9, 6, 3, 8, 2, 0, 1], [4])
    assert corpus.divide(10, 0.9, seed=None)[1] == [9]
    assert [len(side) for side in corpus.divide(10, 1.0, seed=None)] == [9, 1]
    assert [len(side) for side in corpus.divide(10, 0.0, seed=None)] == [1, 9]
    assert [len(side) for side in corpus.divide(1, 0.9, seed=1)] == [1, 0]


def test_resampling_draws_straight_lines():
    audio = np.array([0.0, 1.0, 0.0, -1.0], np.float32)
    assert corpus.resample(audio, 8000, 16000).tolist() == [0, 0.5, 1, 0.5, 0, -0.5, -1, -1]
    assert corpus.resample(audio, 16000, 8000).tolist() == [0, 0]


def test_files_are_mixed_and_normalised_whole(tmp_path):
    write(tmp_path / "a.wav", 20000, channels=2, scale=0.1)
    found = corpus.read(corpus.choose(tmp_path, None, None)[0], 16000, 0.99)
    assert float(found.audio.abs().max()) == pytest.approx(0.99)
    assert found.audio.shape == (20000,)
    assert (found.fate.channels, found.fate.format) == (2, "WAV FLOAT")
    assert found.fate.peak_dbfs == pytest.approx(-20.0, abs=0.01)
    assert found.fate.rms_dbfs == pytest.approx(-23.01, abs=0.01)


def test_files_are_sorted_or_shuffled_and_hidden_ones_skipped(tmp_path):
    for name in "abcdefghij":
        write(tmp_path / f"{name}.wav", 10)
    write(tmp_path / ".hidden" / "z.wav", 10)
    (tmp_path / "notes.txt").write_text("none")
    sorted_names = [file.name[0] for file in corpus.choose(tmp_path, 3, None)]
    assert sorted_names == ["a", "b", "c"]
    shuffled = [file.name[0] for file in corpus.choose(tmp_path, None, 1)]
    assert shuffled == ["abcdefghij"[i] for i in (5, 7, 9, 6, 3, 8, 2, 0, 1, 4)]


def test_a_batch_has_audio_and_the_features_of_each_chunk_alone(tmp_path):
    write(tmp_path / "a.wav", 40000)
    source = chunks(tmp_path, shuffle=False, train_split=0.75)
    assert source.count("train") == 3  # at 0, 8192 and 16384; the one that ends with the file...
    assert source.count("val") == 1  # ...is held out, and overlaps
    batch = source.batch("train", [2, 0])
    assert batch["audio"].shape == (2, 16384)
    assert batch["f0_hz"].shape == (2, 61, 1)
    assert torch.equal(batch["audio"][1:], source.batch("train", [0])["audio"])
    assert [chunk["start"] for chunk in source.report()["chunks"]["val"]] == [40000 - 16384]
    assert [len(row["sha256"]) for row in source.fingerprint()] == [64]
    (file,) = source.report()["files"]
    assert (file["name"], file["split"], file["kept_seconds"]) == ("a.wav", "train+val", 2.5)


def test_a_short_file_is_padded_and_max_chunks_counts(tmp_path):
    write(tmp_path / "a.wav", 5000)
    batch = chunks(tmp_path).batch("train", [0])
    assert not batch["audio"][0, 5000:].any()
    write(tmp_path / "a.wav", 60000)
    assert chunks(tmp_path, max_chunks_per_file=1).count("train") == 1


def test_the_most_voiced_chunk_is_picked(tmp_path):
    t = np.arange(8192) / 16000
    tone = np.sin(2 * np.pi * 300 * t)
    parts = [np.zeros(16384), 0.5 * tone, tone, tone, np.zeros(8192)]
    soundfile.write(tmp_path / "a.wav", np.concatenate(parts), 16000, subtype="FLOAT")
    source = chunks(tmp_path, pick="most-voiced")
    assert source.count("val") == 0
    assert [chunk["start"] for chunk in source.report()["chunks"]["train"]] == [24576]


def test_what_cannot_be_read_is_an_error_that_names_it(tmp_path):
    with pytest.raises(DataError, match="no recording"):
        chunks(tmp_path).count("train")
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"broken\.wav"):
        chunks(tmp_path).count("train")
    write(tmp_path / "broken.wav", 0)
    with pytest.raises(DataError, match="empty"):
        chunks(tmp_path).count("train")
