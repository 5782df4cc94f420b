"""Recipes that travel with plugins, found without importing any of them."""

import importlib.metadata
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from ddspcore.hookspecs import RECIPE_GROUP
from ddspcore.recipe.problems import Origin, Problem, RecipeError, closest

CORE = "core"
_SHIPPED_NAME = re.compile(r"[\w.-]{2,}:[\w.-]+(/[\w.-]+)?")


@frozen(order=True)
class ShippedRecipe:
    """A recipe file of a plugin, addressed as `plugin:stem`, or as `plugin:folder/stem`."""

    plugin: str
    stem: str
    path: Path

    def __str__(self) -> str:
        """Spell the address."""
        return f"{self.plugin}:{self.stem}"

    @property
    def folders(self) -> tuple[str, ...]:
        """What the folder that it lies in is called by, if it lies in one."""
        folder = self.stem.rpartition("/")[0]
        own = f"{self.plugin}:{folder}"
        return ((folder, own) if self.plugin == CORE else (own,)) if folder else ()

    @property
    def name(self) -> str:
        """What to type: the address, for core's recipes the stem."""
        return self.stem if self.plugin == CORE else str(self)


def find_recipes() -> list[ShippedRecipe]:
    """Return every recipe of every installed plugin, core's first."""
    points = importlib.metadata.entry_points(group=RECIPE_GROUP)
    folders = {(point.name, folder) for point in points for folder in _folders(point.value)}
    recipes = [
        ShippedRecipe(plugin, path.relative_to(folder).with_suffix("").as_posix(), path)
        for plugin, folder in folders
        for path in (*folder.glob("*.toml"), *folder.glob("*/*.toml"))
    ]
    return sorted(recipes, key=lambda recipe: (recipe.plugin != CORE, recipe))


def _folders(package: str) -> Iterator[Path]:
    """Locate a package's folder by where its top-level module would be imported from."""
    top, *below = package.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location, *below)


def resolve_recipe(text: str) -> Path:
    """Return the file that a command line means: a path, `plugin:stem`, or a bare stem.

    A bare stem means core's recipe if core has it, else the only plugin's that has it.
    Raises RecipeError.
    """
    path = Path(os.path.expanduser(text))
    if os.path.isfile(path) or path.suffix == ".toml":
        return path
    if len(path.parts) != 1 and not any(text in (r.stem, str(r)) for r in find_recipes()):
        return path
    return find_shipped(text)


def resolve_recipes(text: str) -> tuple[Path, ...]:
    """Return the files that a command line means, which may be all recipes of a folder.

    A folder is a path, or the name of one that is shipped. Raises RecipeError.
    """
    if os.path.isdir(os.path.expanduser(text)):
        found = sorted(Path(os.path.expanduser(text)).glob("*.toml"))
        if not found:
            raise RecipeError([Problem(f"{text}: there is no recipe (*.toml) in this folder")])
        return tuple(found)
    shipped = [recipe for recipe in find_recipes() if text in recipe.folders]
    return tuple(recipe.path for recipe in shipped) or (resolve_recipe(text),)


def is_shipped_name(text: str) -> bool:
    """Whether a text is `plugin:stem` and no path."""
    return _SHIPPED_NAME.fullmatch(text) is not None


def find_shipped(text: str, origin: Origin | None = None) -> Path:
    """Return the file of `plugin:stem` or of a bare stem; RecipeError, located at `origin`."""
    recipes = find_recipes()
    matches = [recipe for recipe in recipes if text in (str(recipe), recipe.stem)]
    if len(matches) == 1 or (matches and matches[0].plugin == CORE):
        return matches[0].path
    if matches:
        message = f'several plugins have a recipe "{text}"'
        hints: tuple[str, ...] = (f"write {' or '.join(map(str, matches))}",)
    else:
        message = f'unknown recipe "{text}"'
        names = list(dict.fromkeys(r.stem if r.plugin == CORE else str(r) for r in recipes))
        hints = (*closest(text, names), f"installed: {', '.join(names)}")
    raise RecipeError([Problem(message, origin, hints)])
