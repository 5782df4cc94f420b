import os
import unicodedata

import pytest

from ddspcore.data.fates import DataError
from ddspcore.data.files import content_hash, find


def names(root):
    return [file.name for file in find(root)]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_files_are_found_at_any_depth_sorted_by_name(tmp_path):
    for name in ("b.wav", "a/z.wav", "a.wav", "a/b/c.flac", "README"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["README", "a.wav", "a/b/c.flac", "a/z.wav", "b.wav"]


def test_hidden_files_and_folders_are_skipped_but_a_hidden_root_is_not(tmp_path):
    root = tmp_path / ".takes"
    for name in ("a.wav", "._a.wav", ".git/b.wav"):
        touch(root / name)
    assert names(root) == ["a.wav"]


def test_runs_among_the_recordings_are_no_recordings(tmp_path):
    for name in ("a.wav", "runs/x/resolved.toml", "runs/x/A/prediction.wav", "runs/y.wav"):
        touch(tmp_path / name)
    assert names(tmp_path) == ["a.wav", "runs/y.wav"]
    assert "A/prediction.wav" in names(tmp_path / "runs" / "x")


def test_the_root_may_be_a_file(tmp_path):
    assert names(touch(tmp_path / "x" / "take 1.wav")) == ["take 1.wav"]


def test_a_name_is_the_same_however_the_file_system_spells_its_accents(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Übung é.wav") for form in ("NFC", "NFD"))
    for folder, name in (("one", composed), ("two", decomposed)):
        touch(tmp_path / folder / name)
    assert names(tmp_path / "one") == names(tmp_path / "two") == [composed]


def test_names_that_no_terminal_can_print_are_spelt_out(tmp_path):
    touch(tmp_path / "two\nlines.wav")
    (tmp_path / os.fsdecode(b"latin-\xe9.wav")).write_bytes(b"x")
    assert names(tmp_path) == ["latin-\\xe9.wav", "two\\x0alines.wav"]


def test_a_loop_of_links_ends_and_a_linked_folder_is_entered(tmp_path):
    touch(tmp_path / "elsewhere" / "b.wav")
    touch(tmp_path / "root" / "a.wav")
    (tmp_path / "root" / "again").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "more").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "root") == ["a.wav", "more/b.wav"]


def test_a_pipe_is_left_alone_and_a_broken_link_is_not_lost(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path) == ["gone.wav"]


def test_a_root_that_is_not_there_is_the_users_error(tmp_path):
    with pytest.raises(DataError, match=r"takes: No such file or directory"):
        find(tmp_path / "takes")


def test_a_root_that_is_no_file_is_the_users_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        find(tmp_path / "pipe")


def test_the_name_decides_only_whether_a_file_claims_to_be_audio(tmp_path):
    claims = {file.name: file.claims_audio for file in find(touch(tmp_path / "a.WAV").parent)}
    assert claims == {"a.WAV": True}
    assert not find(touch(tmp_path / "b" / "notes.txt"))[0].claims_audio


def test_the_content_hash_is_sha256(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert content_hash(path).startswith("ba7816bf8f01cfea414140de5dae2223")
