"""Recipes of plugins are found by metadata; nothing is imported for it."""

import sys
from pathlib import Path

import pytest

from ddspcore.recipe.problems import RecipeError
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import (
    ShippedRecipe,
    find_recipes,
    is_shipped_name,
    resolve_recipe,
    resolve_recipes,
)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with recipes, that breaks when imported."""
    site = tmp_path / "site"
    recipes = site / "fm_bells" / "data" / "recipes"
    recipes.mkdir(parents=True)
    (site / "fm_bells" / "__init__.py").write_text("raise SystemExit('imported')")
    (recipes / "bells.toml").write_text("title = 'Bells'")
    (recipes / "notes.txt").write_text("no recipe")
    info = site / "fm_bells-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fm-bells\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ddspcore.v1.recipes]\nfm = fm_bells.data.recipes\nlost = no_such_package.recipes\n"
        "odd = fm_bells.nothing_here\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    return recipes


def test_recipes_are_found_without_importing(shelf: Path) -> None:
    assert ShippedRecipe("fm", "bells", shelf / "bells.toml") in find_recipes()
    assert "fm_bells" not in sys.modules


@pytest.mark.parametrize("name", ["fm:bells", "bells"])
def test_a_recipe_is_named_with_or_without_its_plugin(shelf: Path, name: str) -> None:
    assert resolve_recipe(name) == shelf / "bells.toml"


@pytest.mark.parametrize("name", ["x.toml", "a/b", "../bells", "missing.toml"])
def test_paths_stay_paths(shelf: Path, name: str) -> None:
    assert resolve_recipe(name) == Path(name)


def test_recipes_of_a_folder_are_named_by_it_one_or_all(shelf: Path) -> None:
    (shelf / "ladder").mkdir()
    rungs = tuple(shelf / "ladder" / f"{stem}.toml" for stem in ("r0_low", "r1_high"))
    for rung in rungs:
        rung.write_text("title = 'A rung'")
    assert resolve_recipe("fm:ladder/r0_low") == rungs[0]
    assert resolve_recipe("ladder/r0_low") == rungs[0]
    assert is_shipped_name("fm:ladder/r0_low")
    assert resolve_recipes("fm:ladder") == rungs
    assert resolve_recipes("fm:bells") == (shelf / "bells.toml",)
    assert resolve_recipes(str(shelf / "ladder")) == rungs


def test_a_folder_without_recipes_is_refused(shelf: Path) -> None:
    Path("empty").mkdir()
    with pytest.raises(RecipeError, match="no recipe"):
        resolve_recipes("empty")


def test_a_file_of_that_name_comes_first(shelf: Path) -> None:
    Path("bells").write_text("")
    assert resolve_recipe("bells") == Path("bells")


@pytest.mark.parametrize("name", ["", "belsl", "fm:", "fm:x", "a\0b", "x" * 5000])
def test_what_is_no_recipe_is_refused_or_left_to_reading(shelf: Path, name: str) -> None:
    with pytest.raises(RecipeError, match=r"unknown recipe|cannot read"):
        read(resolve_recipe(name))


def test_core_wins_a_bare_name(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [ShippedRecipe("core", "x", Path("/core/x")), ShippedRecipe("fm", "x", Path("/fm/x"))]
    monkeypatch.setattr("ddspcore.recipe.shipped.find_recipes", lambda: recipes)
    assert resolve_recipe("x") == Path("/core/x")
    assert resolve_recipe("fm:x") == Path("/fm/x")


def test_drive_letters_and_paths_are_no_plugin_names() -> None:
    assert is_shipped_name("core:best_low_loss")
    for text in ("c:recipe", "base.toml", "dir/a:b", "core:", "../x"):
        assert not is_shipped_name(text)
