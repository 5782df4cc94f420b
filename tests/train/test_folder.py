"""Which folder a command means: new, continued, finished, locked, somebody else's."""

import subprocess
import sys
import time

import pytest

from ddspcore.errors import UserError
from ddspcore.train.folder import Finished, open_run_folder

KEY, OTHER = "a" * 64, "b" * 64


def open_folder(runs, run_dir=None, key=KEY, fresh=False):
    return open_run_folder(key, "violin", runs, run_dir, fresh)


def test_a_new_folder_is_named_by_time_recipe_and_key(tmp_path):
    folder = open_folder(tmp_path)
    folder.close()
    assert folder.path.parent == tmp_path
    assert folder.path.name.endswith("_violin_aaaaaa")
    assert not folder.continued


def test_an_unfinished_run_of_the_same_key_is_continued(tmp_path):
    first = open_folder(tmp_path)
    first.close()
    second = open_folder(tmp_path)
    second.close()
    assert second.continued
    assert second.path == first.path
    other = open_folder(tmp_path, key=OTHER)
    other.close()
    assert other.path != first.path


def test_a_finished_run_is_left_alone(tmp_path):
    first = open_folder(tmp_path)
    first.write_status("finished")
    first.close()
    second = open_folder(tmp_path)
    second.close()
    assert second.path != first.path


def test_a_locked_folder_is_running_not_unfinished(tmp_path):
    first = open_folder(tmp_path)
    second = open_folder(tmp_path)
    assert second.path != first.path
    first.close()
    second.close()


def test_a_lock_dies_with_its_process(tmp_path):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from ddspcore.train.folder import open_run_folder\n"
        f"folder = open_run_folder({KEY!r}, 'violin', Path({str(tmp_path)!r}), None, False)\n"
        "print(folder.path, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    path = process.stdout.readline().strip()
    process.kill()
    process.wait()
    time.sleep(0.1)
    folder = open_folder(tmp_path)
    folder.close()
    assert folder.continued
    assert str(folder.path) == path


def test_run_dir_is_exactly_there(tmp_path):
    place = tmp_path / "here"
    first = open_folder(tmp_path, place)
    first.close()
    assert first.path == place
    again = open_folder(tmp_path, place)
    assert again.continued
    again.write_status("finished")
    again.close()
    assert open_folder(tmp_path, place) == Finished(place)


def test_run_dir_of_another_key_is_an_error(tmp_path):
    place = tmp_path / "here"
    open_folder(tmp_path, place).close()
    with pytest.raises(UserError) as failure:
        open_folder(tmp_path, place, key=OTHER)
    assert str(failure.value) == (
        f"{place}: holds another run (key aaaaaa, this one is bbbbbb); "
        "name another folder, or move it aside with --fresh"
    )


def test_fresh_moves_the_folder_aside(tmp_path):
    place = tmp_path / "here"
    for number in (1, 2):
        open_folder(tmp_path, place, key=OTHER).close()
        fresh = open_folder(tmp_path, place, fresh=True)
        fresh.close()
        assert not fresh.continued
        assert (tmp_path / f"here.{number}" / "status.json").is_file()
        (place / "status.json").write_text(f'{{"key": "{OTHER}", "state": "running"}}')


def test_run_dir_that_holds_something_else(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "thesis.tex").write_text("...")
    with pytest.raises(UserError, match="holds something else than a run"):
        open_folder(tmp_path, tmp_path / "here")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file, not a folder for a run"):
        open_folder(tmp_path, tmp_path / "file")


def test_what_a_kill_at_the_first_write_leaves_is_no_run(tmp_path):
    place = tmp_path / "here"
    place.mkdir()
    (place / ".status.json.123.tmp").write_text("{")
    folder = open_folder(tmp_path, place)
    folder.close()
    assert not folder.continued


def test_what_a_killed_run_was_writing_is_gone_when_it_continues(tmp_path):
    first = open_folder(tmp_path, tmp_path / "here")
    rest = first.stage("A") / ".state-00000002.safetensors.123.tmp"
    rest.write_bytes(b"half")
    first.close()
    open_folder(tmp_path, tmp_path / "here").close()
    assert not rest.exists()


def test_a_living_run_in_run_dir_is_an_error(tmp_path):
    place = tmp_path / "here"
    first = open_folder(tmp_path, place)
    with pytest.raises(UserError, match="a run is going on here"):
        open_folder(tmp_path, place)
    with pytest.raises(UserError, match="a run is going on here"):
        open_folder(tmp_path, place, fresh=True)
    first.close()


def test_a_damaged_neighbour_harms_nobody(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "status.json").write_text("{")
    open_folder(tmp_path).close()
