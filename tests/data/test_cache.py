import json
import multiprocessing
import os
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ddspcore.data.cache import Cache, Entry, default_folder, key_of
from ddspcore.data.fates import DataError

KEY = key_of("an entry")


def entry():
    return Entry({"audio": torch.arange(4000.0), "level": torch.ones(3, 2)}, {"rate": 48_000})


class Builder:
    """Build an entry and count how often that was needed."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return entry()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def build():
    return Builder()


def equal(a, b):
    return a.facts == b.facts and all(torch.equal(a.tensors[k], b.tensors[k]) for k in b.tensors)


def test_an_entry_is_built_once(cache, build):
    assert equal(cache.fetch(KEY, build), entry())
    assert equal(Cache(cache.folder).fetch(KEY, build), entry())
    assert build.calls == 1


def test_entries_are_read_without_copying_them(cache, build):
    found = cache.fetch(KEY, build)
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not list what is mapped")
    assert KEY in maps.read_text()
    found.tensors["audio"].zero_()
    assert equal(cache.fetch(KEY, build), entry())


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_entry_is_built_again(cache, build, share):
    cache.fetch(KEY, build)
    path = cache.path(KEY)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert equal(cache.fetch(KEY, build), entry())
    assert equal(cache.fetch(KEY, build), entry())
    assert build.calls == 2


def test_an_entry_with_any_byte_changed_is_built_again(cache, build):
    cache.fetch(KEY, build)
    path = cache.path(KEY)
    whole = path.read_bytes()
    draw = random.Random(1)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        assert equal(cache.fetch(KEY, build), entry())


def test_a_stranger_in_the_place_of_an_entry_is_replaced(cache, build):
    path = cache.path(KEY)
    path.parent.mkdir(parents=True)
    for metadata in (None, {"ddsp": "[]"}, {"ddsp": json.dumps({"checksum": 0})}):
        save_file({"audio": torch.zeros(3)}, path, metadata)
        assert equal(cache.fetch(KEY, build), entry())


def test_tensors_that_share_memory_can_be_kept(cache):
    x = torch.arange(10.0)
    shared = Entry({"a": x, "b": x[2:5], "c": x.expand(2, 10)}, {})
    assert equal(cache.fetch(KEY, lambda: shared), shared)


def test_a_failed_build_leaves_nothing(cache):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.fetch(KEY, fail)
    assert not cache.folder.exists()


def test_a_folder_that_cannot_be_written_is_the_users_error(tmp_path, build):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="set DDSP_CACHE to a folder with room"):
        Cache(tmp_path / "file").fetch(KEY, build)


def test_a_full_disk_leaves_no_half_entry(cache, build, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        cache.fetch(KEY, build)
    assert not [path for path in cache.folder.rglob("*") if path.is_file()]


def fetch_all(folder):
    cache = Cache(folder)
    for n in range(100):
        wanted = torch.full((5000,), float(n))
        found = cache.fetch(key_of(n), lambda x=wanted, n=n: Entry({"x": x}, {"n": n}))
        assert torch.equal(found.tensors["x"], wanted)
        assert found.facts == {"n": n}


def test_processes_that_build_the_same_entries_at_once_all_succeed(tmp_path):
    # Forked, because importing torch takes longer than the race.
    fork = multiprocessing.get_context("fork")
    running = [fork.Process(target=fetch_all, args=(tmp_path,)) for _ in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * 4
    assert len(list(tmp_path.rglob("*.safetensors"))) == 100
    assert not list(tmp_path.rglob("*.tmp"))


def test_keys_differ_in_whatever_they_are_made_of():
    keys = [key_of(*parts) for parts in (("a",), ("b",), ("a", 1), ("a", 1.5), ("a", [1, "x"]))]
    assert len(set(keys)) == len(keys)


def test_the_folder_is_the_variables_or_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.setenv("DDSP_CACHE", "")
    assert default_folder().name == "ddspcore"


def test_what_a_killed_process_left_is_removed_but_not_what_is_being_written(cache, build):
    path = cache.path(KEY)
    elsewhere = cache.folder / "ff"
    elsewhere.mkdir(parents=True)
    path.parent.mkdir(exist_ok=True)
    left = [folder / ".0123abcd.x.tmp" for folder in (path.parent, elsewhere)]
    written = path.parent / ".4567cdef.y.tmp"
    for file in (*left, written):
        file.write_bytes(b"half")
    for file in left:
        os.utime(file, (1e9, 1e9))
    cache.fetch(KEY, build)
    assert not any(file.exists() for file in left)
    assert written.exists()
    assert path.exists()
