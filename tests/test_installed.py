"""What a user gets: wheels in an environment of their own, in an empty folder, without a clone."""

import json
import re
import tarfile
import zipfile
from pathlib import Path

import pytest
import soundfile

from tests.place import Place, build

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{package}"
version = "0.3.0"
dependencies = ["ddspcore"]
[project.entry-points."{group}"]
{name} = "{module}"
"""
USURPER = """
from torch import nn
from ddspcore import hookimpl, loss

@loss("mrstft")
class Usurper(nn.Module):
    '''Call itself like a built-in.'''

    def forward(self, pred, target):
        return (pred - target).abs().mean()

@hookimpl
def ddsp_losses():
    return [Usurper]
"""
LOUD = """
import torch

print("hello from a plugin")
torch.set_default_dtype(torch.float64)
"""
# package: its source, its plugin's name, its entry-point group
BAD = {
    "ddsp-loss-exit": ("raise SystemExit(3)", "exit", "ddspcore.v1"),
    "ddsp-loss-syntax": ("def f(:\n", "syntax", "ddspcore.v1"),
    "ddsp-loss-raiser": ("raise RuntimeError('not today')", "raiser", "ddspcore.v1"),
    "ddsp-loss-loud": (LOUD, "loud", "ddspcore.v1"),
    "ddsp-loss-warp": ("raise ImportError('never imported')", "warp", "ddspcore.v2"),
    "ddsp-loss-usurper": (USURPER, "core", "ddspcore.v1"),
}
# Those that compile something or are large test their wheels themselves.
PACKAGES = sorted(
    {path.parent for path in ROOT.glob("plugins/*/pyproject.toml")}
    - {ROOT / "plugins/ddsp-dgen", ROOT / "plugins/ddsp-kernels-cpu"}
)
SHORT = [
    *("--device", "cpu", "--set", "metric.items=1"),
    *(word for stage in "ABC" for word in ("--set", f"stage.{stage}.steps=2")),
]


@pytest.fixture(scope="module")
def place(wheel, tmp_path_factory) -> Place:
    return Place(tmp_path_factory.mktemp("place"), wheel)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_package_with_its_recipes_and_nothing_else(wheel):
    files = contents(wheel)
    parts = ("**/*.py", "testing/*.toml", "scaffold/templates/*", "report/page/report.*")
    sources = {
        str(path.relative_to(ROOT)): path
        for part in parts
        for path in ROOT.glob(f"ddspcore/{part}")
    }
    recipes = [*ROOT.glob("recipes/**/*.toml"), *ROOT.glob("recipes/audio/**/*.*")]
    sources |= {f"ddspcore/{path.relative_to(ROOT)}": path for path in recipes}
    assert "ddspcore/recipes/audio/LICENSE.txt" in sources
    ours = {name: data for name, data in files.items() if name.startswith("ddspcore/")}
    assert set(ours) == {*sources, "ddspcore/py.typed"}
    assert all(ours[name] == path.read_bytes() for name, path in sources.items())
    others = {name.partition("/")[2] for name in set(files) - set(ours)}
    assert others == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_wheel_is_the_same_with_and_without_an_sdist(wheel, tmp_path):
    assert contents(build(ROOT, tmp_path, "--wheel")) == contents(wheel)


def test_the_sdist_holds_what_a_wheel_is_built_from(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        members = archive.getmembers()
    assert all(member.isfile() for member in members)  # a link would break where links do not work
    tops = {member.name.split("/")[1] for member in members}
    assert {"ddspcore", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= tops
    assert not {"tests", "recipes", "docs", "Makefile"} & tops


def test_the_command_line_works_far_from_a_clone(place):
    where = place.run("python", "-c", "import ddspcore; print(ddspcore.__file__)").stdout
    assert Path(where.strip()).is_relative_to(place.bin.parent)
    assert "Train differentiable synthesisers" in place.ddsp("--help").stdout
    assert "best_low_loss" in place.ddsp("recipes", "list").stdout
    core = place.plugins()["core"]
    assert (core["state"], core["package"]) == ("ok", "ddspcore")
    assert "proved by a dry run" in place.ddsp("check", "best_low_loss").stdout


def masked(line: str) -> str:
    """Hide what depends on how long a run trained: numbers and verdicts."""
    return re.sub(r"\d[\d.e-]*|\(\w+\)$", "#", line)


def test_a_shipped_recipe_trains_on_the_shipped_recording(place):
    lines = place.ddsp("run", "best_low_loss", "--run-dir", "run", *SHORT).stdout.splitlines()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^```text\n(.*?)^```$", readme, re.M | re.S)[1].splitlines()
    assert shown[0] in lines
    assert {masked(line) for line in shown} - {"..."} <= {masked(line) for line in lines}
    target = json.loads((place.desk / "run" / "summary.json").read_text())["renders"]["target"]
    place.ddsp("render", "run", Path("run", target), "out.wav", "--transpose", "-12")
    sound = soundfile.info(place.desk / "out.wav")
    assert sound.frames == soundfile.info(place.desk / "run" / target).frames
    assert sound.samplerate == 16_000


def test_the_plugin_of_the_readme_is_packaged_installed_and_used(place, readme_file, tmp_path):
    project = tmp_path / "ddsp-loss-spectral"
    project.mkdir()
    names = {"package": "ddsp-loss-spectral", "module": "ddsp_loss_spectral", "name": "spectral"}
    text = PYPROJECT.format(**names, group="ddspcore.v1")
    (project / "pyproject.toml").write_text(text)
    (project / "ddsp_loss_spectral.py").write_text(readme_file("my_loss.py"))
    place.install(build(project, tmp_path, "--wheel"))
    assert place.plugins()["spectral"] == {
        "name": "spectral",
        "package": "ddsp-loss-spectral",
        "version": "0.3.0",
        "state": "ok",
        "reason": "",
        "provides": {"loss": ["spectral-tilt"]},
    }
    (place.desk / "mine.toml").write_text(
        'extends = "core:best_low_loss"\n[[stage]]\nname = "A"\n'
        '[[stage.loss]]\nuse = "spectral-tilt"\npower = 2.0\n'
    )
    assert "loss A.spectral-tilt" in place.ddsp("check", "mine.toml").stdout


def test_the_official_packages_pass_their_tests_from_wheels(wheel, tmp_path):
    place = Place(tmp_path, wheel)
    place.install(*PACKAGES)  # pip makes a wheel of each
    rows = {row["package"]: row for row in place.plugins().values()}
    assert {rows[folder.name]["state"] for folder in PACKAGES} == {"ok"}
    modules = [folder.name.replace("-", "_") for folder in PACKAGES]
    where = "; ".join(f"import {name}; print({name}.__file__)" for name in modules)
    files = place.run("python", "-c", where).stdout.split()
    assert all(Path(file).is_relative_to(place.bin.parent) for file in files)
    place.run("python", "-m", "pytest", "-m", "not slow", *(f / "tests" for f in PACKAGES))


def test_bad_plugins_are_rows_in_a_table(wheel, tmp_path):
    place = Place(tmp_path, wheel)
    for package, (source, name, group) in BAD.items():
        module = package.replace("-", "_")
        text = PYPROJECT.format(package=package, module=module, name=name, group=group)
        (tmp_path / package).mkdir()
        (tmp_path / package / "pyproject.toml").write_text(text)
        (tmp_path / package / f"{module}.py").write_text(source)
    place.install(*(tmp_path / package for package in BAD))
    listed = place.ddsp("plugins", "list", "--json")
    assert listed.stderr == "hello from a plugin\n"
    rows = {row["name"]: row for row in json.loads(listed.stdout)}
    told = {name: (row["state"], row["reason"]) for name, row in rows.items()}
    assert told["core"] == told["ddsp-loss-usurper"] == ("ok", "")
    assert told["exit"] == ("broken", "SystemExit: 3")
    assert told["syntax"] == (
        "broken",
        "SyntaxError: invalid syntax (ddsp_loss_syntax.py, line 1)",
    )
    assert told["raiser"] == ("broken", "RuntimeError: not today")
    assert told["loud"][0] == "ok"
    shown = place.ddsp("plugins", "show", "loud").stdout
    assert "at import it changes the default dtype for everybody, which was put back" in shown
    assert told["warp"] == ("incompatible", "built for plugin API 2, this ddspcore speaks 1")
    assert rows["core"]["package"] == "ddspcore"
    assert "mrstft" in rows["core"]["provides"]["loss"]
    assert rows["ddsp-loss-usurper"]["provides"] == {"loss": ["ddsp-loss-usurper:mrstft"]}
    assert 'use = "core:mrstft"' in place.ddsp("recipes", "show", "best_low_loss").stdout
    place.ddsp("run", "best_low_loss", "--dry-run", "1", *SHORT)
