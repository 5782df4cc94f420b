"""The page that a fixed set of measurements gives: golden/cpu.jsonl -> golden/performance.md."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import goals, report
from benchmarks.store import Store, read

GOLDEN = Path(__file__).parent / "golden"
PAGE = """# By hand
<!-- goals -->
<!-- end of goals -->
Words that stay.
<!-- cpu -->
Not measured.
<!-- end of cpu -->
<!-- cuda -->
Not measured: no GPU.
<!-- end of cuda -->
"""


@pytest.fixture
def docs(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / report.PAGE).write_text(PAGE)
    shutil.copy(GOLDEN / "cpu.jsonl", tmp_path / "cpu.jsonl")
    return tmp_path / "docs"


def test_the_page_is_the_golden_one(tmp_path, docs):
    report.write(tmp_path, docs)
    assert (docs / report.PAGE).read_text() == (GOLDEN / "performance.md").read_text()
    pictures = {"pieces-cpu.png", "growth-cpu.png", "step-cpu.png"}
    assert {path.name for path in (docs / "images").iterdir()} == pictures


def test_writing_again_changes_nothing(tmp_path, docs):
    report.write(tmp_path, docs)
    once = (docs / report.PAGE).read_text()
    report.write(tmp_path, docs)
    assert (docs / report.PAGE).read_text() == once


def test_a_page_without_markers_is_left_alone(tmp_path, docs):
    (docs / report.PAGE).write_text("no markers")
    with pytest.raises(ValueError, match="no region"):
        report.write(tmp_path, docs)
    assert (docs / report.PAGE).read_text() == "no markers"


def test_the_page_of_the_project_has_every_region():
    text = (Path(report.__file__).parents[1] / report.DOCS / report.PAGE).read_text()
    for region in ("goals", *report.DEVICES):
        text = report.fill(text, region, "anything")


def test_goals_name_what_is_measured():
    """A goal whose key or contender no task has would stay unmeasured for ever."""
    from benchmarks import plan
    from benchmarks.setup import Setup

    keys = {task.key for task in plan.tasks(Setup())}
    assert {goal.key for goal in goals.GOALS} <= keys


@pytest.mark.parametrize(
    ("value", "shown"), [(1465.2, "1470"), (0.01234, "0.0123"), (2.0, "2"), (1.5e-9, "1.5e-09")]
)
def test_figures_are_three(value, shown):
    assert report.figures(value) == shown


def test_measurements_continue_where_they_were_cut_off(tmp_path):
    path, machine = tmp_path / "out" / "cpu.jsonl", {"threads": 2}
    store = Store(path, machine)
    store.add({"key": "one"})
    with path.open("a") as file:
        file.write('{"key": "tw')
    again = Store(path, machine)
    assert again.known == {"one"}
    again.add({"key": "two"})
    assert [record.get("key") for record in read(path)] == [None, "one", "two"]


def test_another_machine_starts_anew_and_loses_nothing(tmp_path):
    path = tmp_path / "cpu.jsonl"
    Store(path, {"threads": 2}).add({"key": "one"})
    assert Store(path, {"threads": 1}).known == set()
    assert json.loads(path.with_suffix(".old").read_text().splitlines()[1]) == {"key": "one"}
