"""What `ddsp plugins new` writes works as it is: built, installed, tested, listed, and used."""

import json
import sys
import zipfile
from pathlib import Path

import pytest

from ddspcore.cli import main
from ddspcore.scaffold import USAGE
from tests.place import Place, run

pytestmark = pytest.mark.slow

EACH = """
import sys
from ddspcore.cli import main
for line in sys.argv[1:]:
    assert main(line.split()) == 0, line
"""
"""Several command lines in one process: to begin takes longer than what they do."""


@pytest.fixture(scope="module")
def place(wheel, tmp_path_factory) -> Place:
    """Return an environment with the core and, of every kind, a new package as a wheel."""
    place = Place(tmp_path_factory.mktemp("place"), wheel)
    place.run("python", "-c", EACH, *(f"plugins new {kind} my-{kind}" for kind in USAGE))
    packages = sorted(place.desk.iterdir())
    assert len(packages) == len(USAGE)
    out = place.desk.parent / "wheels"
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--no-build-isolation", "--wheel-dir", out, *packages)
    place.install(*out.iterdir())
    return place


def test_each_is_listed_with_its_component_and_its_recipe(place):
    rows = place.plugins()
    for kind in USAGE:
        row = rows[f"my-{kind}"]
        assert row["provides"] == {kind: [f"my-{kind}"]}
        assert (row["package"], row["state"], row["reason"]) == (f"ddsp-{kind}-my-{kind}", "ok", "")
    recipes = json.loads(place.ddsp("recipes", "list", "--json").stdout)
    assert {f"my-{kind}:try" for kind in USAGE} <= {recipe["name"] for recipe in recipes}


def test_each_keeps_every_promise(place):
    files = sorted(place.desk.glob("*/tests/test_conformance.py"))
    options = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider", "--import-mode=importlib")
    done = place.run("python", "-m", "pytest", *options, *files)
    assert " skipped" not in done.stdout


def test_the_recipe_of_each_passes_check_and_uses_it(place):
    checked = place.run("python", "-c", EACH, *(f"check my-{kind}:try" for kind in USAGE)).stdout
    assert checked.count("proved by a dry run") == len(USAGE)
    shown = place.run("python", "-c", EACH, *(f"recipes show my-{kind}:try" for kind in USAGE))
    assert all(f'use = "my-{kind}:my-{kind}"' in shown.stdout for kind in USAGE)


def test_an_editable_package_is_built_with_nothing_but_hatchling(tmp_path):
    """Of the folder it was written to, as `pip install --editable` asks a build backend to."""
    assert main(["plugins", "new", "loss", "edited", "--into", str(tmp_path)]) == 0
    code = "from hatchling.build import build_editable; build_editable('..')"
    isolated = "import sys; sys.modules['editables'] = None; "
    run(sys.executable, "-c", isolated + code, cwd=tmp_path / "ddsp-loss-edited")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        (path,) = [name for name in wheel.namelist() if name.endswith(".pth")]
        assert wheel.read(path).decode().strip() == str(tmp_path / "ddsp-loss-edited")


def test_a_source_trains(place):
    short = ("--set", "stage.A.steps=2", "--set", "data.tones=4", "--device", "cpu")
    place.ddsp("run", "my-source:try", "--run-dir", "run", *short)
    assert Path(place.desk, "run", "summary.json").exists()


def test_a_linter_finds_nothing(place):
    for package in place.desk.glob("ddsp-*"):
        run(
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--line-length",
            100,
            ".",
            cwd=package,
        )
