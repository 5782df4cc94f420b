"""`ddsp plugins new` writes a package that works, and refuses what could not."""

import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from ddspcore.catalog import Catalog
from ddspcore.component import KINDS
from ddspcore.plugins import discover
from ddspcore.scaffold import USAGE, Scaffold

AWKWARD = ["control", "none", "f0-2", "deep_and-narrow", "torch", "options"]


@pytest.fixture(autouse=True)
def _desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_it_writes_a_package_and_says_what_to_do_next(ddsp, golden):
    outcome = ddsp("plugins", "new", "loss", "mel-shape")
    assert (outcome.code, outcome.err) == (0, "")
    golden("plugins-new", outcome.out)
    written = {str(path.relative_to(".")) for path in Path().rglob("*") if path.is_file()}
    assert written == {line[6:] for line in outcome.out.splitlines() if line.startswith("wrote ")}


def test_the_package_says_what_it_needs_and_brings(ddsp):
    assert ddsp("plugins", "new", "synth", "sub_bass", "--into", ".").code == 0
    project = tomllib.loads(Path("ddsp-synth-sub-bass/pyproject.toml").read_text())["project"]
    assert project["name"] == "ddsp-synth-sub-bass"
    assert project["dependencies"] == [f"ddspcore>={version('ddspcore')}"]
    assert project["entry-points"] == {
        "ddspcore.v1": {"sub-bass": "ddsp_synth_sub_bass"},
        "ddspcore.v1.recipes": {"sub-bass": "ddsp_synth_sub_bass.recipes"},
    }


def test_the_folder_can_be_elsewhere(ddsp, tmp_path):
    (tmp_path / "two words").mkdir()
    outcome = ddsp("plugins", "new", "loss", "mel-shape", "--into", tmp_path / "two words")
    assert outcome.code == 0
    assert f"pip install --editable '{tmp_path}/two words/ddsp-loss-mel-shape'" in outcome.out


def test_there_is_a_template_of_every_kind_that_can_be_written():
    assert set(USAGE) == set(KINDS) - {"exporter"}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("kind", USAGE)
def test_any_name_makes_a_module_with_one_component(kind, name):
    Path("mine.py").write_text(
        Scaffold(kind, name).texts()[f"{Scaffold(kind, name).module}/__init__.py"]
    )
    (mine,) = (plugin for plugin in discover(local=[Path("mine.py")]) if plugin.name == "mine")
    assert (mine.state, mine.reason) == ("ok", "")
    assert [(each.kind, each.name) for each in mine.components] == [(kind, name)]


REFUSED = {
    "kind-misspelt": ("los", "mel-shape"),
    "kind-of-nothing": ("exporter", "mel-shape"),
    "name-in-capitals": ("loss", "MelShape"),
    "name-with-a-version": ("loss", "mel-shape.v2"),
    "name-of-a-built-in": ("loss", "mrstft"),
    "name-of-a-plugin": ("head", "shimmer"),
    "name-of-the-core": ("head", "core"),
    "name-of-a-component": ("loss", "shimmer-db"),
    "name-of-a-package": ("loss", "shimmer_too"),
}


@pytest.mark.parametrize(("kind", "name"), REFUSED.values(), ids=REFUSED)
def test_what_is_taken_or_wrong_is_refused(ddsp, site, golden, kind, name, request):
    site.add_loss("ddsp-loss-shimmer", "shimmer-db")
    site.add_loss("ddsp-loss-shimmer-too", "another", name="elsewhere")
    outcome = ddsp("plugins", "new", kind, name)
    assert (outcome.code, outcome.out) == (1, "")
    golden(
        f"plugins-new-{request.node.callspec.id}", outcome.err.replace(version("ddspcore"), "0.1.0")
    )
    assert not list(Path().glob("ddsp-*"))


def test_a_name_is_free_that_only_another_kind_has(ddsp):
    assert Catalog(discover()).find("head", "harmonic")
    assert ddsp("plugins", "new", "loss", "harmonic").code == 0


def test_a_folder_that_exists_is_left_alone(ddsp, golden):
    Path("ddsp-loss-mel-shape").mkdir()
    outcome = ddsp("plugins", "new", "loss", "mel-shape")
    assert (outcome.code, outcome.out) == (1, "")
    golden("plugins-new-folder-exists", outcome.err)
    assert not list(Path("ddsp-loss-mel-shape").iterdir())
