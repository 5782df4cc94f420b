"""Options that several commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click
from click.shell_completion import CompletionItem

from ddspcore.catalog import Catalog
from ddspcore.errors import PluginError
from ddspcore.plugins import discover
from ddspcore.recipe.shipped import find_recipes


def complete_recipe(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Offer the shipped recipes and, where none fits, files."""
    names = [recipe.name for recipe in find_recipes() if recipe.name.startswith(start)]
    return [CompletionItem(start, type="file"), *map(CompletionItem, names)]


recipe_argument = click.argument("recipe", shell_complete=complete_recipe)
set_option = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="PATH=VALUE",
    help="Override one value, such as stage.B.loss.loudness-db.weight=0.1; can be repeated.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    help="Override the recipe's device.",
)
run_argument = click.argument(
    "folder", metavar="RUN", type=click.Path(file_okay=False, path_type=Path)
)
checkpoint_option = click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Use these weights instead of the best ones: a .safetensors file.",
)
where_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Where to compute.",
)
exact_option = click.option(
    "--exact",
    is_flag=True,
    help="Refuse what was made with other versions, of which otherwise a warning tells.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def catalog_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--plugin`, `--block` and `--strict-plugins`; the command gets a `catalog`."""

    @click.option(
        "--plugin",
        "local",
        multiple=True,
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Load a Python file as a plugin named by its stem; can be repeated.",
    )
    @click.option(
        "--block",
        multiple=True,
        metavar="NAME",
        help="Do not import this plugin; can be repeated. Adds to DDSP_BLOCK.",
    )
    @click.option(
        "--strict-plugins",
        is_flag=True,
        envvar="DDSP_STRICT",
        help="Exit with code 2 if a plugin is broken.",
    )
    @functools.wraps(command)
    def with_catalog(
        local: tuple[Path, ...], block: tuple[str, ...], strict_plugins: bool, **own: Any
    ) -> None:
        plugins = discover(block, local)
        broken = [plugin for plugin in plugins if plugin.state == "broken"]
        if strict_plugins and broken:
            reasons = "; ".join(f"plugin {plugin} is broken: {plugin.reason}" for plugin in broken)
            raise PluginError(reasons)
        command(catalog=Catalog(plugins), **own)

    return with_catalog
