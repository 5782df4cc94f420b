"""Files are whole or absent, repeatable, and say what is wrong with them."""

import errno
import json
import os

import pytest
import torch
from torch import nn

from ddspcore.errors import UserError
from ddspcore.train.checkpoint import (
    load_tensors,
    load_weights,
    save_tensors,
    to_json,
    write_bytes,
    write_json,
)


def test_json_is_sorted_and_has_no_nan():
    text = to_json({"b": float("nan"), "a": [float("inf"), 1.5], "c": {"z": 1, "y": None}})
    assert text == '{"a": [null, 1.5], "b": null, "c": {"y": null, "z": 1}}'
    assert json.loads(text)["b"] is None


def test_equal_tensors_make_equal_files(tmp_path):
    tensors = {name: torch.arange(5.0) * n for n, name in enumerate("dacb")}
    save_tensors(tmp_path / "a.safetensors", tensors)
    save_tensors(tmp_path / "b.safetensors", dict(reversed(tensors.items())))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded = load_tensors(tmp_path / "a.safetensors")
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_a_full_disk_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "last.safetensors"
    write_bytes(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError) as failure:
        write_bytes(path, b"new")
    assert str(failure.value) == (
        f"{path}: cannot be written: No space left on device; what was saved before is whole, "
        "and the same command continues from it"
    )
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["last.safetensors"]


def test_a_damaged_checkpoint_is_named(tmp_path):
    path = tmp_path / "best.safetensors"
    save_tensors(path, {"a": torch.zeros(100)})
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match=r"best\.safetensors: no checkpoint can be read from it"):
        load_tensors(path)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    path = tmp_path / "evil.safetensors"
    marker = tmp_path / "ran"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR.")
    with pytest.raises(UserError):
        load_tensors(path)
    assert not marker.exists()


def test_weights_load_strictly(tmp_path):
    module = nn.Linear(2, 3)
    tensors = {"weight": torch.zeros(3, 4), "extra": torch.zeros(1)}
    with pytest.raises(UserError) as failure:
        load_weights(module, tensors, tmp_path / "x.safetensors")
    assert str(failure.value) == (
        f"{tmp_path / 'x.safetensors'}: does not fit this recipe's model: bias is missing; "
        "extra is unknown; weight is [3, 4], not [3, 2]"
    )


def test_json_files_end_with_a_newline(tmp_path):
    write_json(tmp_path / "a.json", {"x": 1})
    assert (tmp_path / "a.json").read_text() == '{\n  "x": 1\n}\n'
