import io
import os
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddspcore.data.audio import Reading, Recording, UnreadableError, decode

RATE = 16_000


def tone(seconds=0.5, rate=RATE, hz=440.0, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(
        "f"
    )


def noisy(seconds):
    x = tone(seconds)
    return x + 0.01 * np.random.default_rng(0).standard_normal(len(x)).astype("f")


def encode(x, rate=RATE, format="WAV", subtype=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, x, rate, format=format, subtype=subtype)
    return buffer.getvalue()


def decode_bytes(folder, data, name="a.wav", rate=RATE):
    path = folder / name
    path.write_bytes(data)
    return decode(path, rate)


@pytest.mark.parametrize(
    ("format", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 2**-24),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 0),
        ("WAV", "ULAW", 2**-5),
        ("WAVEX", "PCM_16", 2**-15),
        ("RF64", "PCM_16", 2**-15),
        ("W64", "PCM_16", 2**-15),
        ("AIFF", "PCM_16", 2**-15),
        ("AU", "PCM_16", 2**-15),
        ("CAF", "PCM_16", 2**-15),
        ("FLAC", "PCM_16", 2**-15),
        ("OGG", "VORBIS", 0.1),
        ("OGG", "OPUS", 0.1),
        ("MP3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_every_format_gives_the_same_sound_whatever_the_name(tmp_path, format, subtype, tolerance):
    x = tone()
    recording = decode_bytes(tmp_path, encode(x, RATE, format, subtype), "a.raw")
    assert recording.format == f"{format} {subtype}"
    assert (recording.seconds, recording.missing_seconds, recording.damage) == (0.5, 0, "")
    assert recording.audio.dtype == np.float32
    # Lossy codecs ring at the ends.
    middle = slice(1000, -1000) if tolerance == 0.1 else slice(None)
    assert np.abs(recording.audio - x)[middle].max() <= tolerance


def test_an_mp3_read_in_blocks_sounds_as_if_read_at_once(tmp_path):
    data = encode(noisy(2.0), RATE, "MP3")
    at_once, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    assert np.abs(decode_bytes(tmp_path, data).audio - at_once).max() < 1e-6


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampled_audio_keeps_its_pitch_its_level_and_its_place_in_time(tmp_path, rate):
    recording = decode_bytes(tmp_path, encode(tone(1.0, rate), rate, subtype="FLOAT"))
    assert recording.sample_rate == rate
    assert len(recording.audio) == pytest.approx(RATE, abs=1)
    middle = slice(2000, 14_000)
    assert np.abs(recording.audio[middle] - tone(1.0)[middle]).max() < 2e-5


def test_a_tone_above_the_new_nyquist_frequency_is_gone(tmp_path):
    recording = decode_bytes(tmp_path, encode(tone(1.0, 48_000, hz=9_000), 48_000))
    assert np.abs(recording.audio[2000:14_000]).max() < 1e-4


def test_channels_are_mixed_to_their_mean(tmp_path):
    x = tone()
    recording = decode_bytes(tmp_path, encode(np.stack([x, 0 * x, 2 * x], 1), subtype="FLOAT"))
    assert recording.channels == 3
    assert np.abs(recording.audio - x).max() < 1e-6


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAVEX", "PCM_24"),
        ("W64", "PCM_16"),
        ("RF64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
        ("FLAC", "PCM_16"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
def test_of_a_truncated_file_the_readable_part_is_kept_and_the_rest_is_missed(
    tmp_path, format, subtype
):
    x = noisy(2.0)
    data = encode(x, RATE, format, subtype)
    recording = decode_bytes(tmp_path, data[: len(data) // 2])
    assert recording.damage.startswith("cut short")
    assert recording.seconds == pytest.approx(1.0, abs=0.3)
    assert recording.seconds + recording.missing_seconds == pytest.approx(2.0, abs=0.01)
    kept = len(recording.audio)
    assert np.abs(recording.audio - x[:kept])[: kept - 2000].max() < 0.1


def test_a_truncated_ogg_is_noticed_by_its_missing_end(tmp_path):
    data = encode(noisy(2.0), RATE, "OGG", "VORBIS")
    recording = decode_bytes(tmp_path, data[: len(data) * 4 // 5])
    assert "its end is missing" in recording.damage


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_file_written_to_a_pipe_is_not_taken_for_truncated(tmp_path, size):
    data = bytearray(encode(tone(), subtype="PCM_16"))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    recording = decode_bytes(tmp_path, bytes(data))
    assert (recording.seconds, recording.damage) == (0.5, "")


def test_what_follows_the_samples_is_no_damage(tmp_path):
    assert decode_bytes(tmp_path, encode(tone()) + b"junk" * 100).damage == ""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (np.nan, "not finite: the sample at 0.250 s is nan"),
        (-np.inf, "not finite: the sample at 0.250 s is -inf"),
        (1e30, r"not plausible: the sample at 0.250 s is 1e\+30"),
    ],
)
def test_a_sample_that_is_no_level_is_named_by_its_time(tmp_path, bad, reason):
    x = np.stack([tone(), tone()], 1)
    x[4000, 1] = bad
    with pytest.raises(UnreadableError, match=reason):
        decode_bytes(tmp_path, encode(x, subtype="FLOAT"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"These are notes about the session.\n" * 40, "not audio: format not recognised"),
        (encode(tone())[:30], "cannot be decoded"),
        (encode(tone(0.0)), "no samples"),
        (encode(np.ones(3), 1_000_000), "no samples"),
        (encode(tone())[:24] + struct.pack("<I", 3) + encode(tone())[28:], "not plausible"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, data, reason):
    with pytest.raises(UnreadableError, match=reason):
        decode_bytes(tmp_path, data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module", autouse=True)
def _quiet_libraries():
    """Hide what libmpg123 prints of broken files; pytest's capture cannot, once it is running."""
    stderr = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    yield
    os.dup2(stderr, 2)
    os.close(stderr)


FORMATS = [("WAV", "PCM_16"), ("WAVEX", "PCM_24"), ("WAV", "FLOAT"), ("AIFF", "PCM_16")]
FORMATS += [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("CAF", "PCM_16")]
WHOLE = [encode(tone(0.3), RATE, *each) for each in FORMATS]
mutations = st.lists(
    st.tuples(st.floats(0, 1), st.one_of(st.sampled_from([0, 127, 255]), st.integers(0, 255))),
    max_size=8,
)


def fate_of(folder, data):
    try:
        recording = decode_bytes(folder, data)
    except UnreadableError:
        return
    assert isinstance(recording, Recording)
    assert np.isfinite(recording.audio).all()
    assert recording.seconds > 0
    assert recording.missing_seconds >= 0


@given(st.binary(max_size=4000))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_read_or_refused(folder, data):
    fate_of(folder, data)


@given(st.sampled_from(WHOLE), mutations, st.floats(0, 1))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_read_or_refused(folder, whole, mutations, kept):
    data = bytearray(whole)
    for where, value in mutations:
        # Squared, because it is headers that break readers.
        data[int(where**2 * (len(data) - 1))] = value
    fate_of(folder, bytes(data[: round(len(data) * (1 - kept**4))]))


def test_runs_at_full_scale_are_counted(tmp_path):
    clean, clipped = tone(amplitude=0.9), np.clip(tone(amplitude=2.0), -1, 1)
    assert decode_bytes(tmp_path, encode(clean)).clipped == 0
    tops = int((np.abs(clipped) == 1).sum())
    assert tops > 4000
    for more in ({"subtype": "PCM_16"}, {"subtype": "PCM_24"}, {"format": "FLAC"}):
        assert decode_bytes(tmp_path, encode(clipped, **more)).clipped == tops


def test_one_channel_that_is_clipped_counts_and_single_peaks_do_not(tmp_path):
    quiet = np.zeros(RATE, "f")
    left = quiet.copy()
    left[100:103] = 1.0
    left[[200, 300, 301]] = -1.0
    assert decode_bytes(tmp_path, encode(np.stack([left, quiet], 1))).clipped == 3


def test_a_run_over_the_end_of_a_block_is_one_run(tmp_path):
    x = np.zeros(RATE, "f")
    x[4094:4098] = 1.0  # two samples in each of two blocks
    assert decode_bytes(tmp_path, encode(x)).clipped == 4


def test_a_file_read_in_blocks_is_the_decoded_one(tmp_path):
    t = np.arange(3 * 44100) / 44100
    loud = np.clip(2 * np.sin(2 * np.pi * 3 * t), -1, 1).astype("f")
    soundfile.write(tmp_path / "a.wav", np.stack([loud, 0.5 * loud], 1), 44100, subtype="FLOAT")
    whole = decode(tmp_path / "a.wav", 16_000)
    reading = Reading(tmp_path / "a.wav", 16_000)
    blocks = list(reading)
    assert len(blocks) > 30
    np.testing.assert_array_equal(np.concatenate(blocks), whole.audio)
    assert reading.found().clipped == whole.clipped == int((np.abs(loud) >= 0.9999).sum())
    assert len(reading.found().audio) == 0
