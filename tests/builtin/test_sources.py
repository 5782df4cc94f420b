import json
import math
import os
import unicodedata
from pathlib import Path

import attrs
import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from ddspcore import Context, Control, OptionError
from ddspcore.builtin.features import F0, Loudness
from ddspcore.builtin.sources import WavFolder
from ddspcore.data.fates import DataError
from ddspcore.data.features import FeatureNode
from ddspcore.errors import PluginError

RATE, HOP = 16_000, 256
CHUNK = 64 * HOP
CTX = Context({"sample": RATE, "frame": RATE / HOP})


class Level(nn.Module):
    """The mean square of every frame, whether it is loud, and the samples one later."""

    def __init__(self):
        super().__init__()
        self.runs = 0

    def forward(self, batch):
        self.runs += 1
        audio = batch["audio"]
        frames = nn.functional.pad(audio, (HOP // 2, HOP // 2)).unfold(1, HOP, HOP)
        power = frames.square().mean(-1, keepdim=True)
        return {
            "power": power,
            "voicing": (power > 0.01 * audio.square().max()).float(),
            "late": audio.roll(1, 1),
            "peak": audio.amax(1, keepdim=True),
        }


LEVEL = (
    Control("power"),
    Control("voicing", unit="probability"),
    Control("late", axis="sample"),
    Control("peak", axis="clip"),
)


def level_node():
    return FeatureNode("level", Level(), "level 1", LEVEL)


def open_folder(root, *, ctx=CTX, features=None, **options):
    features = (level_node(),) if features is None else features
    return WavFolder(WavFolder.Options(root=root, **options), ctx, features)


def noise(seconds, seed=0, rate=RATE, amplitude=0.5):
    draw = np.random.default_rng(seed)
    return amplitude * draw.uniform(-1, 1, round(seconds * rate)).astype("f")


def write(path, x, rate=RATE, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, x, rate, **({"subtype": "FLOAT"} | how))
    return path


def whole(source, name):
    """Return the item of a file, by the source's own account of the whole of it."""
    return next(i for i in source._ready().items if i.fate.name == name)


@pytest.fixture
def folder(tmp_path):
    for n in range(4):
        write(tmp_path / f"{n}.wav", noise(3 + n / 7, seed=n, amplitude=0.2 * (n + 1)))
    return tmp_path


def fates(source):
    return {file["name"]: file for file in source.report()["files"]}


# The folder of issue point four: every file has a fate, and the good ones are trained on.


@pytest.fixture
def zoo(tmp_path):
    write(tmp_path / "stereo.wav", np.stack([noise(2, 1, 48_000)] * 2, 1), 48_000, subtype="PCM_24")
    write(tmp_path / "short.wav", noise(0.2))
    write(tmp_path / "eight.wav", noise(2, 2), subtype="PCM_U8")
    write(tmp_path / "silent.wav", 0 * noise(2))
    write(tmp_path / "opposed.wav", np.stack([noise(2, 3), -noise(2, 3)], 1))
    broken = noise(2, 4)
    broken[20_000] = math.nan
    write(tmp_path / "nan.wav", broken)
    (tmp_path / "empty.wav").write_bytes(b"")
    write(tmp_path / "no samples.wav", noise(0))
    truncated = write(tmp_path / "truncated.wav", noise(4, 5), subtype="PCM_16")
    os.truncate(truncated, truncated.stat().st_size // 2)
    stub = write(tmp_path / "stub.wav", noise(4, 6), subtype="PCM_16")
    os.truncate(stub, 1000)
    write(tmp_path / "sub dir" / "скрипка.wav", noise(2, 7))
    write(tmp_path / "バイオリン.flac", noise(2, 8), subtype="PCM_16")
    write(tmp_path / unicodedata.normalize("NFD", "Übung é.wav"), noise(2, 9))
    (tmp_path / "text.wav").write_text("These are notes.\n" * 50)
    (tmp_path / "notes.txt").write_text("These are notes.\n" * 50)
    write(tmp_path / "audio without a suffix", noise(0.5, 10), format="WAV")
    (tmp_path / "lost.wav").symlink_to(tmp_path / "nowhere")
    return tmp_path


def test_every_file_of_the_zoo_has_its_fate(zoo):
    source = open_folder(zoo)
    found = fates(source)
    kept = {name: f["kept_seconds"] for name, f in found.items() if f["state"] == "kept"}
    assert kept == {
        "stereo.wav": 2.0,
        "eight.wav": 2.0,
        "truncated.wav": pytest.approx(2.0, abs=0.01),
        "sub dir/скрипка.wav": 2.0,
        "バイオリン.flac": 2.0,
        unicodedata.normalize("NFC", "Übung é.wav"): 2.0,
        "audio without a suffix": 0.5,
    }
    why = {name: f["why"] for name, f in found.items() if f["state"] == "dropped"}
    assert why == {
        "short.wav": "0.200 s is shorter than min_seconds = 0.25",
        "silent.wav": "silent: no sample reaches silence_db = -60",
        "opposed.wav": "silent after mixing 2 channels: no sample reaches silence_db = -60",
        "nan.wav": "not finite: the sample at 1.250 s is nan",
        "empty.wav": "empty file",
        "no samples.wav": "no samples",
        "stub.wav": "cut short; 0.030 s is shorter than min_seconds = 0.25",
        "text.wav": "not audio: format not recognised",
        "lost.wav": "cannot be opened: No such file or directory",
    }
    assert found["notes.txt"]["state"] == "ignored"
    assert found["truncated.wav"]["why"] == "cut short"
    assert found["truncated.wav"]["dropped_seconds"] == pytest.approx(2.0, abs=0.01)
    assert found["short.wav"]["dropped_seconds"] == pytest.approx(0.2)
    assert found["nan.wav"]["dropped_seconds"] == 2.0
    assert found["stereo.wav"]["sample_rate"] == 48_000
    assert found["stereo.wav"]["channels"] == 2
    batch = source.batch("train", range(source.count("train")))
    assert all(value.isfinite().all() for value in batch.values())


def test_a_report_is_plain_json(zoo):
    report = open_folder(zoo).report()
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_folder_with_nothing_usable_lists_every_fate(tmp_path):
    write(tmp_path / "short.wav", noise(0.1))
    (tmp_path / "text.wav").write_text("notes")
    (tmp_path / "README").write_text("notes")
    with pytest.raises(DataError) as caught:
        open_folder(tmp_path).prepare()
    assert caught.value.exit_code == 1
    assert str(caught.value).splitlines() == [
        f"data.root {tmp_path} holds no usable audio",
        "  short.wav: dropped 0.10 s: 0.100 s is shorter than min_seconds = 0.25",
        "  text.wav: dropped: not audio: format not recognised",
    ]


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(DataError, match="is empty"):
        open_folder(tmp_path).prepare()


def test_a_file_that_was_asked_for_by_name_is_never_ignored(tmp_path):
    (tmp_path / "README").write_text("notes")
    with pytest.raises(DataError, match=r"README: dropped: not audio"):
        open_folder(tmp_path / "README").prepare()


def test_the_cache_never_lies_under_the_data(folder, monkeypatch):
    monkeypatch.setenv("DDSP_CACHE", str(folder / "cache"))
    with pytest.raises(DataError, match=r"lies under data\.root"):
        open_folder(folder).prepare()
    assert not (folder / "cache").exists()


# Chunks and items


@pytest.mark.parametrize(("rate", "hop"), [(16_000, 256), (44_100, 704), (48_000, 768)])
def test_a_chunk_is_64_hops_at_every_rate(tmp_path, rate, hop):
    write(tmp_path / "a.wav", noise(5, rate=rate), rate)
    source = open_folder(tmp_path, ctx=Context({"sample": rate, "frame": rate / hop}), features=())
    assert source.batch("train", [0])["audio"].shape == (1, 64 * hop)


def test_a_batch_has_whole_hops_and_a_frame_at_either_end(folder):
    batch = open_folder(folder).batch("train", [0, 2])
    assert {name: tuple(value.shape) for name, value in batch.items()} == {
        "audio": (2, CHUNK),
        "power": (2, 65, 1),
        "voicing": (2, 65, 1),
        "late": (2, CHUNK),
        "peak": (2, 1),
        "item": (2,),
    }
    assert batch["audio"].dtype == torch.float32
    assert batch["item"].tolist() == [0, 2]


def test_every_chunk_is_a_slice_of_its_whole_file_and_of_its_features(folder):
    source = open_folder(folder)
    gain = source.report()["gain"]
    wholes = []
    for item in source._ready().items:
        samples = item.audio.shape[1]
        audio = nn.functional.pad(item.audio, (0, -samples % HOP)) * gain
        wholes.append({"audio": audio, **Level()({"audio": audio})})
    for split in ("train", "val"):
        for index, stretch in enumerate(source._stretches(split)):
            batch, item = source.batch(split, [index]), wholes[stretch.item]
            start = stretch.start * HOP
            for name in ("audio", "late"):
                assert torch.equal(batch[name], item[name][:, start : start + CHUNK])
            at = stretch.start
            assert torch.equal(batch["power"], item["power"][:, at : at + 65])
            assert torch.equal(batch["peak"], item["peak"])


def test_features_run_once_on_every_whole_file_and_never_again(tmp_path):
    for n in range(3):
        write(tmp_path / f"{n}.wav", noise(5, seed=100 + n))
    node = level_node()
    first = open_folder(tmp_path, features=(node,))
    first.prepare()
    first.batch("train", [0, 1, 2])
    assert node.module.runs == 3
    again = open_folder(tmp_path, features=(node,))
    assert node.module.runs == 3
    assert torch.equal(again.batch("val", [0])["power"], first.batch("val", [0])["power"])
    changed = attrs.evolve(node, key="level 2")
    open_folder(tmp_path, features=(changed,)).prepare()
    assert node.module.runs == 6


def test_a_feature_that_fails_says_on_which_file(tmp_path):
    write(tmp_path / "a.wav", noise(1, seed=55))
    node = attrs.evolve(level_node(), provides=(Control("nothing"),))
    with pytest.raises(PluginError) as caught:
        open_folder(tmp_path, features=(node,)).prepare()
    assert caught.value.__notes__ == ["while computing the features of a.wav"]


def test_a_file_shorter_than_a_chunk_is_one_chunk_padded_with_zeros(tmp_path):
    write(tmp_path / "a.wav", noise(0.5, seed=3))
    source = open_folder(tmp_path)
    assert (source.count("train"), source.count("val")) == (1, 0)
    batch = source.batch("train", [0])
    assert batch["audio"].shape == (1, CHUNK)
    assert (batch["audio"][0, 8000:] == 0).all()
    assert batch["audio"][0, :8000].abs().max() == pytest.approx(0.99)
    assert (batch["power"][0, 33:] == 0).all()
    assert source.batch("train-items", [0])["audio"].shape == (1, 32 * HOP)
    assert source.report()["split"]["reason"] == "the only file is a single chunk"


def test_items_are_the_same_audio_as_the_chunks_without_overlap(folder):
    source = open_folder(folder)
    for index in range(source.count("train-items")):
        stretch = source._stretches("train-items")[index]
        item = source.batch("train-items", [index])
        samples = source._ready().items[stretch.item].audio.shape[1]
        assert item["audio"].shape[1] == -(-samples // HOP) * HOP
        assert item["power"].shape[1] == item["audio"].shape[1] // HOP + 1
        assert (item["audio"][0, samples:] == 0).all()
    assert source.count("train-items") + source.count("val-items") == 4


def test_items_of_other_lengths_make_no_batch(folder):
    with pytest.raises(ValueError, match="the lengths of train-items differ"):
        open_folder(folder).batch("train-items", [0, 1])


def test_there_is_no_other_split(folder):
    with pytest.raises(ValueError, match='no split "test"; there are train, val'):
        open_folder(folder).count("test")


def test_a_stride_is_half_a_chunk_unless_said_otherwise(tmp_path):
    write(tmp_path / "a.wav", noise(1.024 * 10))
    halves = open_folder(tmp_path, holdout=0.0)
    wholes = open_folder(tmp_path, holdout=0.0, stride=1.024)
    longer = open_folder(tmp_path, holdout=0.0, chunk=2.048)
    assert [s.count("train") for s in (halves, wholes, longer)] == [19, 10, 9]


# What is held out


def test_files_are_held_out_whole(folder):
    source = open_folder(folder)
    sides = {name: file["split"] for name, file in fates(source).items()}
    assert sorted(sides.values()) == ["train", "train", "train", "val"]
    split = source.report()["split"]
    assert split["by"] == "file"
    assert split["val"]["chunks"] == source.count("val") > 0


def test_chosen_files_are_held_out_and_the_account_says_so(folder):
    source = open_folder(folder, val=("1.*", "3.wav"))
    sides = {name: file["split"] for name, file in fates(source).items()}
    assert sides == {"0.wav": "train", "1.wav": "val", "2.wav": "train", "3.wav": "val"}
    assert source.report()["split"]["by"] == "name"
    assert "held out, by name" in source.report()["in_words"][0]


def test_what_is_trained_on_is_heard_at_other_levels_and_pitches_too(folder):
    plain = open_folder(folder, val=("1.wav",))
    source = open_folder(folder, val=("1.wav",), levels_db=(-6.0,), semitones=(-1.0,))
    count = plain.count("train")
    assert 4 * count <= source.count("train") <= 4.3 * count
    assert [source.count(s) for s in WavFolder.splits[1:]] == [
        plain.count(s) for s in WavFolder.splits[1:]
    ]
    for index in range(count):
        assert torch.equal(
            source.batch("train", [index])["audio"], plain.batch("train", [index])["audio"]
        )
    names = [source.locate("train", index)["source"] for index in range(source.count("train"))]
    assert not any(name.startswith("1.wav") for name in names)
    quieter = names.index("0.wav, -6 dB")
    loud, quiet = (source.batch("train", [index]) for index in (0, quieter))
    assert torch.allclose(quiet["audio"], loud["audio"] * 10 ** (-6 / 20))
    assert torch.allclose(quiet["power"], loud["power"] * 10 ** (-6 / 10))


def test_variants_are_counted_and_no_data_of_their_own(folder):
    plain = open_folder(folder)
    source = open_folder(folder, levels_db=(-6.0, -12.0))
    assert source.fingerprint() == plain.fingerprint()
    said, words = source.report(), source.report()["in_words"][0]
    assert said["files"] == plain.report()["files"]
    assert said["split"]["variants"] == 3
    assert "chunks, each in 3 variants, to train on" in words
    assert said["split"]["train"] == plain.report()["split"]["train"]


def test_what_is_held_out_of_a_single_file_is_in_no_variant(tmp_path):
    x = write(tmp_path / "a.wav", np.arange(20 * RATE, dtype="f") / (20 * RATE))
    source = open_folder(x, normalise="none", semitones=(-1.0,))
    held_out = source.batch("val-items", [0])["audio"].min()
    train = [source.batch("train", [n])["audio"].max() for n in range(source.count("train"))]
    assert max(train) < held_out


def test_what_is_picked_holds_nothing_out_by_name():
    with pytest.raises(OptionError, match="holds nothing out"):
        WavFolder.Options(root=Path("x"), pick="most-voiced", val=("a.wav",))


def test_of_one_file_the_end_is_held_out_a_chunk_away(tmp_path):
    x = write(tmp_path / "a.wav", np.arange(20 * RATE, dtype="f") / (20 * RATE))
    source = open_folder(x, normalise="none")
    assert fates(source)["a.wav"]["split"] == "train+val"
    train, val = (
        torch.cat([source.batch(s, [n])["audio"][0] for n in range(source.count(s))])
        for s in ("train", "val")
    )
    assert val.min() * 20 == pytest.approx(18, abs=0.02)
    assert (val.min() - train.max()) * 20 == pytest.approx(1.024, abs=0.02)


def test_the_same_folder_gives_the_same_data_wherever_it_lies(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for path in folder.iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes())
    here, there = open_folder(folder), open_folder(elsewhere)
    assert here.fingerprint() == there.fingerprint()
    for split in WavFolder.splits[:2]:
        everything = range(here.count(split))
        a, b = here.batch(split, everything), there.batch(split, everything)
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_fingerprint_knows_names_and_contents_of_what_is_used(folder):
    before = open_folder(folder).fingerprint()
    (folder / "text.wav").write_text("notes")
    assert open_folder(folder).fingerprint() == before
    (folder / "0.wav").rename(folder / "renamed.wav")
    renamed = open_folder(folder).fingerprint()
    assert renamed != before
    write(folder / "1.wav", noise(3, seed=77))
    assert open_folder(folder).fingerprint() != renamed


# Levels


def test_one_gain_for_all_files_keeps_their_balance(folder):
    source = open_folder(folder)
    peaks = {n: file["peak_dbfs"] for n, file in fates(source).items()}
    gain = source.report()["gain"]
    assert gain == pytest.approx(0.99 / 10 ** (max(peaks.values()) / 20))
    loudest = [float(whole(source, name).samples(0, RATE * 3).abs().max()) for name in peaks]
    assert max(loudest) == pytest.approx(0.99, rel=1e-3)
    assert loudest[0] / loudest[3] == pytest.approx(0.25, rel=1e-3)


def test_levels_may_be_left_as_they_are(tmp_path):
    x = noise(5, amplitude=0.1)
    write(tmp_path / "a.wav", x)
    source = open_folder(tmp_path, normalise="none", holdout=0.0)
    assert source.report()["gain"] == 1.0
    assert torch.equal(source.batch("train", [0])["audio"][0], torch.from_numpy(x[:CHUNK]))


def voiced_in_the_middle():
    """Return noise that is loud enough to count as voiced from 3 to 5 s, loudest at 3.6 s."""
    x = noise(8, seed=9, amplitude=0.001)
    x[3 * RATE : 5 * RATE] += noise(2, seed=10, amplitude=0.3)
    x[round(3.6 * RATE) : round(4.6 * RATE)] *= 2
    x[7 * RATE] = 0.9
    return x


def test_the_most_voiced_chunk_is_trained_on_alone_at_full_level(tmp_path):
    write(tmp_path / "a.wav", voiced_in_the_middle())
    write(tmp_path / "b.wav", noise(2, amplitude=0.001))
    source = open_folder(tmp_path, pick="most-voiced", normalise="chunk")
    assert [source.count(split) for split in source.splits] == [1, 0, 1, 0]
    batch = source.batch("train", [0])
    assert batch["audio"].shape == (1, CHUNK)
    assert batch["audio"].abs().max() == pytest.approx(0.99)
    assert batch["voicing"].mean() > 0.95
    start = source._stretches("train")[0].start * HOP / RATE
    assert 3.5 < start < 3.65
    sides = {name: file["split"] for name, file in fates(source).items()}
    assert sides == {"a.wav": "train", "b.wav": None}


def test_features_of_a_picked_chunk_are_those_of_its_whole_file_after_the_gain(tmp_path):
    path = write(tmp_path / "a.wav", voiced_in_the_middle())
    source = open_folder(path, pick="most-voiced", normalise="chunk")
    start = source._stretches("train")[0].start
    audio = torch.from_numpy(voiced_in_the_middle())[None] * source.report()["gain"]
    power = Level()({"audio": audio})["power"][:, start : start + 65]
    assert torch.equal(source.batch("train", [0])["power"], power)


def test_a_gain_for_each_chunk_is_only_for_a_picked_one():
    with pytest.raises(OptionError, match="needs pick"):
        WavFolder.Options(root=Path("x"), normalise="chunk")


def test_picking_needs_to_know_what_is_voiced(tmp_path):
    with pytest.raises(DataError, match="provides voicing"):
        open_folder(tmp_path, features=(), pick="most-voiced")


# Fewer files, fewer chunks


def test_some_of_the_files_are_drawn_by_the_seed(folder):
    def kept(**options):
        files = open_folder(folder, max_files=2, **options).report()["files"]
        return {file["name"]: file for file in files if file["state"] == "kept"}

    assert len(kept()) == 2
    assert kept() == kept()
    assert len({tuple(kept(split_seed=seed)) for seed in range(8)}) > 1
    files = open_folder(folder, max_files=2).report()["files"]
    left = [file for file in files if file["state"] == "ignored"]
    assert {file["why"] for file in left} == {"beyond max_files = 2"}
    assert len(left) == 2


def test_as_many_files_as_there_are_is_all_of_them(folder):
    assert open_folder(folder, max_files=4).count("train") == open_folder(folder).count("train")


def test_chunks_of_a_long_file_are_spread_over_it(tmp_path):
    write(tmp_path / "a.wav", noise(20))
    everything = open_folder(tmp_path, holdout=0.0)._stretches("train")
    some = open_folder(tmp_path, holdout=0.0, max_chunks_per_file=4)
    assert some.count("train") == 4
    starts = [stretch.start for stretch in some._stretches("train")]
    assert starts[0] == everything[0].start
    assert starts[-1] > 0.6 * everything[-1].start
    assert some.count("train-items") == 1


def test_holding_out_chunks_is_refused_with_the_reason():
    with pytest.raises(OptionError, match="heard in training"):
        WavFolder.Options(root=Path("x"), split="chunk")


# The life of a source


def test_nothing_is_read_before_the_first_question(tmp_path):
    source = open_folder(tmp_path / "not there yet")
    write(tmp_path / "not there yet" / "a.wav", noise(1))
    assert source.count("train") == 1


def test_preparing_tells_how_far_it_is(folder):
    told = []
    open_folder(folder).prepare(lambda *step: told.append(step))
    assert [step[:3] for step in told if step[0] == "reading"] == [
        ("reading", done, 4) for done in range(5)
    ]
    assert {name for *_, name in told} == {"", *(f"{number}.wav" for number in range(4))}
    assert told[-1][:3] == ("analysing", 4, 4)


def test_the_source_provides_its_target():
    opt = WavFolder.Options(root=Path("x"))
    assert [control.name for control in WavFolder.provides(opt, CTX)] == [
        WavFolder.target(opt, CTX)
    ]


def test_the_statistics_are_those_of_what_is_trained_on(tmp_path):
    t = np.arange(2 * RATE) / RATE
    for name, hz, amplitude in (("a", 110, 0.1), ("b", 440, 0.5)):
        write(tmp_path / f"{name}.wav", (amplitude * np.sin(2 * np.pi * hz * t)).astype("f"))
    f0, level = F0(F0.Options(), CTX), Loudness(Loudness.Options(), CTX)
    nodes = tuple(
        FeatureNode(each, made, each, made.provides(type(made).Options(), CTX))
        for each, made in (("f0", f0), ("loudness", level))
    )
    found = open_folder(tmp_path, features=nodes, holdout=0.0).report()["statistics"]
    assert (found["f0_hz"]["low"], found["f0_hz"]["high"]) == pytest.approx((110, 440), rel=1e-3)
    between = np.diff(found["loudness_db"]["middle"])[0]
    assert between > 20 * np.log10(5)
