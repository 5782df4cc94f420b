"""What evaluators left to hear and to see, ready to be put into a page."""

import base64
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from ddspcore.data.preview import preview
from ddspcore.metric import PLACES
from ddspcore.train.evaluation import HELD_OUT_FIRST

SECONDS = 15.0
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
IMAGES = {".png": "image/png", ".svg": "image/svg+xml", ".jpg": "image/jpeg"}
MOST_IMAGE_BYTES = 4_000_000
FIRST = ("target", "prediction")
CONTROLS = "controls.npz"

Controls = Mapping[str, NDArray[np.float32]]


@frozen
class Embedded:
    """A file inside a page: its name and a URI that holds all of it."""

    name: str
    uri: str = field(repr=False)


@frozen
class Take:
    """What one evaluator wrote about one split: sounds of one moment, pictures, controls."""

    name: str
    place: str
    evaluator: str
    sounds: tuple[Embedded, ...]
    pictures: tuple[Embedded, ...]
    controls: Controls


def read_takes(folder: Path, summary: Mapping[str, Any]) -> tuple[Take, ...]:
    """Read what a finished run's evaluators wrote, held out before trained on.

    What does not exist any more, or is no such file, is left out.
    """
    files = summary.get("files", {})
    return tuple(
        take
        for split in HELD_OUT_FIRST
        for evaluator, paths in files.get(split, {}).items()
        for take in _take(split, evaluator, [folder / path for path in paths])
    )


def embed(data: bytes, kind: str) -> str:
    """Return a URI that holds data."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _take(split: str, evaluator: str, paths: Sequence[Path]) -> Iterator[Take]:
    found = [path for path in paths if path.is_file()]
    sounds = {path.stem: path for path in found if path.suffix in SOUNDS}
    ordered = {name: sounds[name] for name in sorted(sounds, key=_rank)}
    take = Take(
        name=f"{split}/{evaluator}",
        place=PLACES[split],
        evaluator=evaluator,
        sounds=tuple(
            Embedded(name, embed(data, "audio/wav"))
            for name, data in preview(ordered, SECONDS).items()
        ),
        pictures=tuple(
            Embedded(path.stem, embed(path.read_bytes(), IMAGES[path.suffix]))
            for path in found
            if path.suffix in IMAGES and path.stat().st_size <= MOST_IMAGE_BYTES
        ),
        controls=_read_controls([path for path in found if path.name == CONTROLS]),
    )
    if take.sounds or take.pictures or take.controls:
        yield take


def _rank(name: str) -> tuple[int, str]:
    return FIRST.index(name) if name in FIRST else len(FIRST), name


def _read_controls(files: Sequence[Path]) -> Controls:
    """Return every control [M,C] and `times_s` [M] of the first of the files, if it is whole."""
    for file in files:
        try:
            with np.load(file, allow_pickle=False) as archive:
                tracks = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, zipfile.BadZipFile):
            continue
        if "times_s" in tracks:
            shown = tracks["times_s"] < SECONDS
            shown |= np.isnan(tracks["times_s"]) & (np.arange(len(shown)) < shown.sum())
            return {
                name: track[shown] for name, track in tracks.items() if len(track) == len(shown)
            }
    return {}
