"""What is slow to compute, kept on disk under a key of everything it depends on."""

import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
import safetensors.torch
from attrs import frozen
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ddspcore.data.fates import DataError

VARIABLE = "DDSP_CACHE"
STALE_SECONDS = 3600
_FIELD = "ddsp"


@frozen
class Entry:
    """Named tensors and plain facts beside them."""

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


def default_folder() -> Path:
    """Return `DDSP_CACHE`, or the user's own cache folder."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("ddspcore")


def key_of(*parts: object) -> str:
    """Return the sha256 of what an entry depends on: strings, numbers and lists of them."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@frozen
class Cache:
    """A folder of entries; any number of processes may use it at once.

    An entry is one safetensors file, written to a temporary name, flushed and renamed, so it is
    whole or absent; its checksum is compared when it is opened, and one that was damaged since is
    built again. Two processes that build the same entry both succeed: the later one replaces an
    equal file, and whoever has the earlier one open keeps it. What a process that was killed left
    half written is removed, an hour later, by the next one that writes.
    """

    folder: Path

    def fetch(self, key: str, build: Callable[[], Entry]) -> Entry:
        """Return the entry of a key, building it if it is absent or damaged.

        The tensors are memory-mapped; writing to them changes nothing on disk.
        Raises DataError if the folder cannot be written.
        """
        path = self.path(key)
        entry = _read(path)
        if entry is None:
            built = build()
            _remove_stale(self.folder)
            _write(path, built)
            entry = _read(path) or built
        return entry

    def path(self, key: str) -> Path:
        """Return where the entry of a key lies."""
        return self.folder / key[:2] / f"{key}.safetensors"


def _read(path: Path) -> Entry | None:
    try:
        with safe_open(path, "pt") as file:
            # One metadata key: the order of several in a safetensors header is random.
            header = json.loads((file.metadata() or {})[_FIELD])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, KeyError):
        return None
    whole = isinstance(header, dict) and header.get("checksum") == _checksum(tensors)
    return Entry(tensors, header["facts"]) if whole else None


def _remove_stale(folder: Path) -> None:
    """Remove temporary files that nobody writes to any more: a writer is done within seconds."""
    for file in folder.glob("*/.*.tmp"):
        try:
            if time.time() - file.stat().st_mtime > STALE_SECONDS:
                file.unlink()
        except OSError:
            continue  # it was renamed, removed by another, or is not ours to remove


def _write(path: Path, entry: Entry) -> None:
    header = {"checksum": _checksum(entry.tensors), "facts": entry.facts}
    plain = {name: tensor.contiguous().clone() for name, tensor in entry.tensors.items()}
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(".tmp", f".{path.stem[:8]}.", path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(safetensors.torch.save(plain, {_FIELD: json.dumps(header)}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as failure:
        raise DataError(
            f"{path.parent}: the data cache cannot be written: {failure.strerror}; "
            f"set {VARIABLE} to a folder with room"
        ) from failure
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    total = 0
    for name, tensor in sorted(tensors.items()):
        described = f"{name} {tensor.dtype} {list(tensor.shape)}"
        total = zlib.crc32(described.encode(), total)
        total = zlib.crc32(tensor.contiguous().view(-1).numpy().data, total)
    return total
