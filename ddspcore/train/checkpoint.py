"""Files that are either whole or absent: tensors as safetensors, everything else as sorted JSON."""

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from ddspcore.errors import UserError


def write_bytes(path: Path, data: bytes, durable: bool = True) -> None:
    """Write to a temporary name, flush to disk, rename: a reader sees the old file or the new one.

    What is not `durable` is not flushed: it may be lost with the machine, never be torn.
    Raises UserError if the disk is full or the folder cannot be written.
    """
    write_chunks(path, (data,), durable)


def write_chunks(path: Path, chunks: Iterable[bytes], durable: bool = True) -> None:
    """Write as `write_bytes` does what comes a chunk at a time; nothing, if one cannot be made."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
        if durable:
            _flush_folder(path.parent)
    except OSError as failure:
        temporary.unlink(missing_ok=True)
        raise UserError(
            f"{path}: cannot be written: {failure.strerror}; what was saved before is whole, "
            "and the same command continues from it"
        ) from failure
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_temporary(path: Path) -> bool:
    """Whether a file is what `write_bytes` leaves when its process is killed."""
    return path.name.startswith(".") and path.suffix == ".tmp"


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: object, durable: bool = True) -> None:
    """Write a value as sorted, indented JSON; NaN and infinity become null."""
    write_bytes(path, (to_json(value, indent=2) + "\n").encode(), durable)


def to_json(value: object, indent: int | None = None) -> str:
    """Spell a value as sorted JSON that every reader accepts; NaN and infinity become null."""
    return json.dumps(_finite(value), indent=indent, sort_keys=True, ensure_ascii=False)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def read_json(path: Path) -> Any:
    """Read JSON; raises UserError naming the file if it is not whole."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise UserError(f"{path}: cannot be read: {failure}") from failure


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors without metadata, so that equal tensors make equal files."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(plain))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file on the CPU; raises UserError naming the file if it is not one."""
    try:
        return safetensors.torch.load(path.read_bytes())
    except (OSError, safetensors.SafetensorError) as failure:
        raise UserError(f"{path}: no checkpoint can be read from it: {failure}") from failure


def load_weights(module: Any, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load weights strictly; raises UserError naming what is missing, unknown or misshapen."""
    own = module.state_dict()
    faults = [f"{name} is missing" for name in own if name not in tensors]
    faults += [f"{name} is unknown" for name in tensors if name not in own]
    faults += [
        f"{name} is {list(tensors[name].shape)}, not {list(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    if faults:
        shown = "; ".join(faults[:5]) + ("; ..." if len(faults) > 5 else "")
        raise UserError(f"{path}: does not fit this recipe's model: {shown}")
    module.load_state_dict(dict(tensors))
