"""`ddsp recipes`: found without importing plugins; a copy works in any folder."""

import json
import shutil

import pytest

PLUGIN = """
import attrs
from pathlib import Path
from torch import nn
from ddspcore import Metric, evaluator, hookimpl, loss, option, source

@source("folder")
class Folder:
    '''Files.'''

    @attrs.frozen
    class Options:
        root: Path = option(help="where")
        chunk: float = option(1.0, help="length", unit="s")

    @staticmethod
    def provides(opt, ctx): return ()
    @staticmethod
    def target(opt, ctx): return ""
    def count(self, split): return 0
    def batch(self, split, indices): return {}

@loss("flat")
class Flat(nn.Module):
    '''Nothing.'''
    def forward(self, pred): return 0 * pred.mean()

@evaluator("length")
class Length:
    '''Count.'''
    @staticmethod
    def metrics(opt, ctx): return (Metric("length", "1", "lower", "how long"),)
    def __call__(self, pipeline, batches, out_dir): return {}

@hookimpl
def ddsp_sources(): return [Folder]
@hookimpl
def ddsp_losses(): return [Flat]
@hookimpl
def ddsp_evaluators(): return [Length]
"""

GENTLE = """\
title = "Gentle"  # for beginners
description = "Begins slowly."
metric = { use = "toys:length" }

[data]
use = "toys:folder"
root = "../sounds"   # beside the recipes

[[stage]]
name = "A"
steps = 10
lr = 0.1
loss = { use = "toys:flat" }
"""

CHILD = """\
extends = "gentle.toml"
title = "Child"
[data]
chunk = 2.0
"""


@pytest.fixture
def toys(site):
    """Install a plugin with two recipes."""
    module = site.add("ddsp-toys", PLUGIN)
    info = site.folder / f"{module}-0.1.0.dist-info" / "entry_points.txt"
    info.write_text(f"{info.read_text()}[ddspcore.v1.recipes]\ntoys = toy_recipes\n")
    folder = site.folder / "toy_recipes"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "gentle.toml").write_text(GENTLE)
    (folder / "child.toml").write_text(CHILD)
    return folder


def test_recipes_are_listed_with_their_titles(ddsp, toys):
    outcome = ddsp("recipes", "list")
    assert outcome.code == 0
    assert "toys:child " in outcome.out
    assert "toys:gentle" in outcome.out
    rows = {row["name"]: row for row in json.loads(ddsp("recipes", "list", "--json").out)}
    assert rows["toys:gentle"] == {
        "name": "toys:gentle",
        "plugin": "toys",
        "title": "Gentle",
        "description": "Begins slowly.",
        "path": str(toys / "gentle.toml"),
    }


def test_a_recipe_that_is_no_toml_is_a_row_too(ddsp, toys):
    (toys / "torn.toml").write_text("title = ")
    outcome = ddsp("recipes", "list")
    assert outcome.code == 0
    assert "cannot be read: Invalid value" in outcome.out


def test_a_recipe_is_shown_with_every_default(ddsp, toys):
    outcome = ddsp("recipes", "show", "toys:child", "--set", "seed=7")
    assert outcome.code == 0
    assert 'title = "Child"' in outcome.out
    assert "seed = 7" in outcome.out
    assert f'root = "{toys.parent / "sounds"}"' in outcome.out


def test_origins_say_where_each_value_stands(ddsp, toys):
    outcome = ddsp("recipes", "show", "child", "--origins", "--set", "seed=7")
    assert outcome.code == 0
    for line in (
        f'title = "Child"  # {toys}/child.toml:2:9',
        f'description = "Begins slowly."  # {toys}/gentle.toml:2:15',
        f'data.root = "../sounds"  # {toys}/gentle.toml:7:8',
        f"data.chunk = 2.0  # {toys}/child.toml:4:9",
        f'stage.A.loss.flat.use = "toys:flat"  # {toys}/gentle.toml:13:16',
        "seed = 7  # --set seed=7",
    ):
        assert line in outcome.out.splitlines()


def test_a_copy_keeps_its_comments_and_refers_to_what_it_did(ddsp, toys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = ddsp("recipes", "copy", "toys:gentle")
    assert (outcome.code, outcome.out) == (0, "wrote gentle.toml\n")
    assert (tmp_path / "gentle.toml").read_text() == GENTLE.replace(
        '"../sounds"', f'"{toys.parent / "sounds"}"'
    )
    shown = ddsp("recipes", "show", "toys:gentle").out
    assert ddsp("recipes", "show", "gentle.toml").out == shown


def test_a_copy_extends_the_shipped_recipe_by_name(ddsp, toys, tmp_path):
    ddsp("recipes", "copy", "child", tmp_path / "mine.toml")
    assert (tmp_path / "mine.toml").read_text() == CHILD.replace('"gentle.toml"', '"toys:gentle"')
    shown = ddsp("recipes", "show", "child").out
    assert ddsp("recipes", "show", tmp_path / "mine.toml").out == shown


def test_a_copy_of_a_file_extends_the_file(ddsp, toys, tmp_path):
    mine = tmp_path / "mine"
    shutil.copytree(toys, mine)
    ddsp("recipes", "copy", mine / "child.toml", tmp_path)
    assert f'extends = "{mine / "gentle.toml"}"' in (tmp_path / "child.toml").read_text()


def test_nothing_is_overwritten_unasked(ddsp, toys, tmp_path):
    target = tmp_path / "gentle.toml"
    target.write_text("mine")
    outcome = ddsp("recipes", "copy", "gentle", tmp_path)
    assert (outcome.code, outcome.err) == (
        1,
        f"error: {target} exists; --force overwrites it\n",
    )
    assert target.read_text() == "mine"
    assert ddsp("recipes", "copy", "gentle", tmp_path, "--force").code == 0


def test_a_copy_needs_a_folder_that_is_there(ddsp, toys, tmp_path):
    outcome = ddsp("recipes", "copy", "best_low_loss", tmp_path / "no" / "x.toml")
    assert outcome.code == 1
    assert f"there is no folder {tmp_path / 'no'}" in outcome.err


def test_an_unknown_recipe_is_met_with_a_suggestion(ddsp, toys):
    outcome = ddsp("recipes", "show", "toys:gentel")
    assert outcome.code == 1
    assert outcome.err.startswith('unknown recipe "toys:gentel"; did you mean "toys:gentle"?')


def test_what_is_shown_is_a_recipe_that_shows_the_same(ddsp, toys, tmp_path):
    shown = ddsp("recipes", "show", "best_low_loss").out
    (tmp_path / "shown.toml").write_text(shown)
    assert "width = 64  # channels of the hidden frames (an integer, >= 2)" in shown
    assert "# max_files: read so many files at most, drawn by split_seed" in shown
    assert ddsp("recipes", "show", tmp_path / "shown.toml").out == shown
