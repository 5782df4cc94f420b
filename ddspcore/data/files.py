"""The files under a root: every one that is not hidden, in an order that no file system decides."""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from ddspcore.data.fates import DataError

AUDIO_SUFFIX = re.compile(
    r"\.(aif[cf]?|aiff|au|caf|flac|m4a|mp[123]|og[ag]|opus|rf64|snd|w64|wave?|wv)", re.IGNORECASE
)


RUN = "resolved.toml"
"""What marks a folder below the root as a run: its renders are no recordings."""


@frozen
class File:
    """A file and its name: relative to the root, with forward slashes, in Unicode's NFC form.

    The name, not the path, goes into splits and keys, so that a folder copied to a file system that
    spells accents otherwise is still the same data.
    """

    path: Path
    name: str

    @property
    def claims_audio(self) -> bool:
        """Whether it is named like audio, so that its owner will want to know if it is none."""
        return AUDIO_SUFFIX.fullmatch(self.path.suffix) is not None


def find(root: Path) -> tuple[File, ...]:
    """Return the file that `root` is, or all those under it, sorted by name.

    Hidden files and folders are skipped, and so are run folders; links are followed, each folder
    being entered once. Raises DataError if there is no such file or folder, or it cannot be listed.
    """
    try:
        mode = root.stat().st_mode
    except OSError as failure:
        raise DataError(f"data.root {root}: {failure.strerror}") from failure
    if stat.S_ISREG(mode):
        return (File(root, _name(Path(root.name))),)
    if not stat.S_ISDIR(mode):
        raise DataError(f"data.root {root}: neither a file nor a folder")
    files = [File(path, _name(path.relative_to(root))) for path in _walk(root, set())]
    return tuple(sorted(files, key=lambda file: (file.name, os.fsencode(file.path))))


def _walk(folder: Path, entered: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        status = folder.stat()
        paths = sorted(folder.iterdir())
    except OSError:
        yield folder  # reading it will say why
        return
    if (status.st_dev, status.st_ino) in entered:
        return
    entered.add((status.st_dev, status.st_ino))
    for path in paths:
        # os.path answers where Path raises; a broken link is yielded and a pipe is not.
        if path.name.startswith("."):
            continue
        if os.path.isdir(path):
            if not os.path.isfile(path / RUN):
                yield from _walk(path, entered)
        elif os.path.isfile(path) or not os.path.exists(path):
            yield path


def _name(path: Path) -> str:
    text = os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")
    text = re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", text)
    return unicodedata.normalize("NFC", text)


def content_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
