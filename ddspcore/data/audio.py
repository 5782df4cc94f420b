"""Decoding: any file that libsndfile reads, in blocks, to one channel at one rate."""

import math
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import attrs
import numpy as np
import soundfile
import soxr
from attrs import define, frozen
from numpy.typing import NDArray

Samples = NDArray[np.float32]

BLOCK_VALUES = 4096
RATES = range(1_000, 1_000_001)
LOUDEST = 2.0**31
QUALITY = "VHQ"
CODEC_SLACK_SECONDS = 0.1
FULL_SCALE = 0.9999  # 16 bits reach 0.99997
CLIPPED_RUN = 3
UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
DECODER = (
    f"soundfile {soundfile.__version__} {soundfile.__libsndfile_version__} "
    f"soxr {soxr.__version__} {QUALITY}"
)
"""What the samples depend on beside the file and the rate; part of every cache key."""

# libsndfile's own note of a chunk that is longer than the file: the chunk that holds the samples,
# or in RF64 and W64, where that one is not compared, the whole file. A program that writes to a
# pipe cannot know the size and leaves one of the STREAMED values.
_CUT_SHORT = re.compile(
    r"^\s*(?:data|SSND|Data Size|riff|Riff size)\s*:\s*(\d+) \(should be (\d+)\)", re.MULTILINE
)
_STREAMED = (0, 0x7FFFFFFF, 0xFFFFFFFF)
_NO_END = re.compile("lacks an end-of-stream bit|Junk after the last page")


class UnreadableError(Exception):
    """A file cannot be decoded, or holds values that are no samples; the text says why.

    `seconds` is how long it claims to be, 0 if that is not known.
    """

    def __init__(self, why: str, seconds: float = 0.0):
        super().__init__(why)
        self.seconds = seconds


@frozen
class Recording:
    """A decoded file: `audio` [n] at the wanted rate, and what the file was.

    `seconds` is what could be read; `missing_seconds` is what the file promised beyond that and
    `damage` says how it ends early, empty for a whole file. `clipped` counts samples in runs of
    three or more at full scale, in any channel.
    """

    audio: Samples
    format: str
    sample_rate: int
    channels: int
    seconds: float
    missing_seconds: float
    damage: str
    clipped: int


class _Forward(soundfile.SoundFile):
    """A file that is only read onwards.

    soundfile seeks to where it is after every read, and an MP3 decoder that was told to seek has
    lost what the next frame borrows from earlier ones.
    """

    def seekable(self) -> bool:
        return False


def recognises(path: Path) -> bool:
    """Whether libsndfile takes a file's first bytes for audio; raises OSError if it cannot look."""
    with path.open("rb") as file:
        try:
            soundfile.SoundFile(file.fileno(), closefd=False).close()
        except soundfile.LibsndfileError:
            return False
    return True


def decode(path: Path, sample_rate: int) -> Recording:
    """Decode a file, mix it to mono and resample it; the content decides what it is, not the name.

    Resampled audio keeps its place in time: sample t is at t / sample_rate seconds.
    Raises UnreadableError if nothing can be read, or a sample is not finite; OSError if the file
    cannot be opened.
    """
    reading = Reading(path, sample_rate)
    audio = np.concatenate(list(reading))
    return attrs.evolve(reading.found(), audio=audio)


class Reading:
    """A file that is decoded as `decode` does it, a block at a time; iterated once."""

    def __init__(self, path: Path, sample_rate: int):
        self.path, self.sample_rate = path, sample_rate
        self._found: Recording | None = None

    def __iter__(self) -> Iterator[Samples]:
        """Yield blocks of what `decode` returns; raises what it raises."""
        with self.path.open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise UnreadableError("empty file")
            try:
                # By descriptor: soundfile would take a name that ends in .raw for the format.
                with _Forward(file.fileno(), closefd=False) as sound:
                    self._found = yield from _decode(sound, self.sample_rate)
            except soundfile.LibsndfileError as failure:
                what = "not audio" if failure.code == UNRECOGNISED else "cannot be decoded"
                raise UnreadableError(f"{what}: {_reason(failure)}") from failure

    def found(self) -> Recording:
        """Return what the file was, without its audio, once all blocks are read."""
        assert self._found is not None
        return self._found


def _decode(sound: soundfile.SoundFile, sample_rate: int) -> Generator[Samples, None, Recording]:
    rate = sound.samplerate
    if rate not in RATES:
        raise UnreadableError(f"a sample rate of {rate} Hz is not plausible")
    resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality=QUALITY)
    clipped = _Clipping()
    frames, made, error = 0, 0, ""
    try:
        for block in _blocks(sound):
            wild = np.argwhere(~(np.abs(block) < LOUDEST))
            if len(wild):
                at, value = (frames + int(wild[0, 0])) / rate, float(block[tuple(wild[0])])
                what = "not plausible" if math.isfinite(value) else "not finite"
                why = f"{what}: the sample at {at:.3f} s is {value:g}"
                raise UnreadableError(why, max(sound.frames, frames + len(block)) / rate)
            mono = block.mean(axis=1, dtype=np.float64).astype(np.float32)
            clipped.see(np.abs(block).max(axis=1) >= FULL_SCALE)
            frames += len(block)
            samples: Samples = resampler.resample_chunk(mono)
            made += len(samples)
            yield samples
    except soundfile.LibsndfileError as failure:
        error = _reason(failure)
    samples = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
    if not made + len(samples):
        raise UnreadableError(f"no samples{error and f': {error}'}")
    yield samples
    missing, damage = _shortfall(sound, frames, error)
    return Recording(
        audio=samples[:0],
        format=f"{sound.format} {sound.subtype}",
        sample_rate=rate,
        channels=sound.channels,
        seconds=frames / rate,
        missing_seconds=missing / rate,
        damage=damage,
        clipped=clipped.count(),
    )


def _blocks(sound: soundfile.SoundFile) -> Iterator[Samples]:
    frames = max(1, BLOCK_VALUES // sound.channels)
    while len(block := sound.read(frames, dtype="float32", always_2d=True)):
        yield block


def _shortfall(sound: soundfile.SoundFile, frames: int, error: str) -> tuple[int, str]:
    """Return how many frames a file promised beyond those read, and what is wrong with its end."""
    slack = 0 if error else round(CODEC_SLACK_SECONDS * sound.samplerate)
    if slack < sound.frames - frames < 2**40:
        return sound.frames - frames, f"cut short{error and f', {error}'}"
    note = _CUT_SHORT.search(sound.extra_info)
    if note:
        promised, there = int(note[1]), int(note[2])
        if promised > there > 0 and promised not in _STREAMED:
            return round(frames * (promised - there) / there), "cut short"
    if error or _NO_END.search(sound.extra_info):
        return 0, f"cut short, {error or 'its end is missing'}"
    return 0, ""


@define
class _Clipping:
    """Counts the samples that lie in runs of three or more at full scale."""

    _ended: int = 0
    _running: int = 0

    def see(self, tops: NDArray[np.bool_]) -> None:
        """Go on with the samples that follow."""
        below = np.flatnonzero(~tops)
        if not len(below):
            self._running += len(tops)
            return
        runs = np.diff(below, prepend=-1) - 1
        runs[0] += self._running
        self._ended += int(runs[runs >= CLIPPED_RUN].sum())
        self._running = len(tops) - 1 - int(below[-1])

    def count(self) -> int:
        """Return how many there were."""
        return self._ended + (self._running if self._running >= CLIPPED_RUN else 0)


def _reason(failure: soundfile.LibsndfileError) -> str:
    text = failure.error_string.removeprefix("Error : ").strip(" .")
    return text[:1].lower() + text[1:] if text else "damaged"
