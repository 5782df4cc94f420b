"""`ddsp recipes`: what ships with ddspcore and its plugins, to read and to start from."""

import json
import tomllib
from pathlib import Path
from typing import Any

import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, complete_recipe, json_option, set_option
from ddspcore.cli.tables import make_table, show
from ddspcore.errors import UserError
from ddspcore.recipe.shipped import ShippedRecipe, find_recipes, resolve_recipe

recipe_name = click.argument("name", shell_complete=complete_recipe)


@click.group()
def recipes() -> None:
    """List, show and copy recipes."""


@recipes.command("list")
@json_option
def list_recipes(as_json: bool) -> None:
    """List the recipes that are installed."""
    found = find_recipes()
    if as_json:
        click.echo(json.dumps([_row(recipe) for recipe in found], indent=2))
        return
    table = make_table("recipe", "title")
    for recipe in found:
        table.add_row(recipe.name, _row(recipe)["title"])
    show(table)


@recipes.command("show")
@recipe_name
@set_option
@click.option("--origins", is_flag=True, help="Print what was written and where, instead.")
@catalog_options
def show_recipe(catalog: Catalog, name: str, sets: tuple[str, ...], origins: bool) -> None:
    """Print a recipe with every default filled in: NAME of an installed one, or a file.

    Each option is explained beside it. What is printed is a recipe again, and says the same.
    """
    from ddspcore.recipe.reading import read  # noqa: PLC0415  `recipes list` needs none of these
    from ddspcore.recipe.resolving import origins_table, to_toml  # noqa: PLC0415
    from ddspcore.recipe.structuring import structure  # noqa: PLC0415

    document = read(resolve_recipe(name), sets)
    recipe = structure(document, catalog)
    if not origins:
        click.echo(to_toml(recipe, commented=True), nl=False)
        return
    for key, value, origin in origins_table(document):
        click.echo(f"{key} = {value}  # {origin}")


@recipes.command()
@recipe_name
@click.argument("destination", metavar="[DEST]", default=Path(), type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite DEST.")
@catalog_options
def copy(catalog: Catalog, name: str, destination: Path, force: bool) -> None:
    """Copy a recipe to DEST, a file or a folder, to change it; what it refers to stays in place."""
    from ddspcore.recipe.relocating import relocate  # noqa: PLC0415

    path = resolve_recipe(name)
    text = relocate(path, catalog)
    if destination.is_dir():
        destination /= path.name
    if destination.exists() and not force:
        raise UserError(f"{destination} exists; --force overwrites it")
    if not destination.parent.is_dir():
        raise UserError(f"{destination}: there is no folder {destination.parent}")
    destination.write_text(text, encoding="utf-8")
    click.echo(f"wrote {destination}")


def _row(recipe: ShippedRecipe) -> dict[str, Any]:
    try:
        table = tomllib.loads(recipe.path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        table = {"title": f"cannot be read: {error}"}
    return {
        "name": recipe.name,
        "plugin": recipe.plugin,
        "title": str(table.get("title", "")),
        "description": str(table.get("description", "")),
        "path": str(recipe.path),
    }
