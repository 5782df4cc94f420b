"""`ddsp plugins`: what is installed, where it comes from, what is broken."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

import rich_click as click
from rich.text import Text

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, json_option
from ddspcore.cli.promises import check
from ddspcore.cli.tables import make_table, show
from ddspcore.errors import PluginError
from ddspcore.plugins import Plugin, find
from ddspcore.scaffold import USAGE, plan, write

STYLES = {"ok": "green", "broken": "red", "incompatible": "yellow", "blocked": "dim"}
ADVICE = {
    "broken": "until it is mended, keep it from being imported: --block {name}",
    "incompatible": "install a release of it that speaks this plugin API",
    "blocked": "take it out of --block and DDSP_BLOCK to use it",
}


def _complete(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    return [plugin.name for plugin in find() if plugin.name.startswith(start)]


def _complete_kind(context: click.Context, parameter: click.Parameter, start: str) -> list[str]:
    return [kind for kind in USAGE if kind.startswith(start)]


@click.group()
def plugins() -> None:
    """List, show, diagnose, check and begin plugins."""


plugins.add_command(check)


@plugins.command("list")
@json_option
@catalog_options
def list_plugins(catalog: Catalog, as_json: bool) -> None:
    """List every plugin with its package, its state and what it provides."""
    if as_json:
        click.echo(json.dumps([_row(catalog, plugin) for plugin in catalog.plugins], indent=2))
        return
    table = make_table("plugin", "package", "state", "provides")
    for plugin in catalog.plugins:
        state = Text(plugin.state, style=STYLES[plugin.state])
        summary = "\n".join(filter(None, (_summary(catalog, plugin), plugin.note)))
        table.add_row(plugin.name, _package(plugin), state, summary)
    unusable = sum(plugin.state != "ok" for plugin in catalog.plugins)
    show(table)
    if unusable:
        show(f"\n{len(catalog.plugins)} plugins, {unusable} not usable: ddsp plugins doctor")


@plugins.command("show")
@click.argument("name", shell_complete=_complete)
@json_option
@catalog_options
def show_plugin(catalog: Catalog, name: str, as_json: bool) -> None:
    """Show one plugin: where it comes from and each of its components."""
    plugin = catalog.plugin(name)
    if as_json:
        more = {"target": plugin.target, "note": plugin.note, "traceback": plugin.traceback}
        click.echo(json.dumps(_row(catalog, plugin) | more, indent=2))
        return
    facts = make_table("", "")
    facts.show_header = False
    facts.add_row("plugin", plugin.name)
    facts.add_row("package", _package(plugin))
    facts.add_row("loads", plugin.target)
    facts.add_row("state", Text(plugin.state, style=STYLES[plugin.state]))
    for what in ("reason", "note"):
        if text := getattr(plugin, what):
            facts.add_row(what, text)
    components = make_table("kind", "name", "what it is")
    for entry in catalog.entries():
        if entry.plugin == plugin.name:
            component = entry.component
            components.add_row(component.kind, catalog.display_name(entry), component.doc)
    for hook in plugin.observes:
        components.add_row("observer", hook, "")
    show(facts)
    if components.row_count:
        show("", components)


@plugins.command()
@click.argument("name", required=False, shell_complete=_complete)
@catalog_options
def doctor(catalog: Catalog, name: str | None) -> None:
    """Say what is wrong with a plugin, or with all of them; exit code 2 if one is broken."""
    examined = [catalog.plugin(name)] if name else catalog.plugins
    unwell = [plugin for plugin in examined if plugin.state != "ok"]
    for plugin in unwell:
        click.echo(f"plugin {plugin} is {plugin.state}: {plugin.reason}")
        if plugin.traceback:
            click.echo(f"\n{plugin.traceback}")
        click.echo(f"What to do: {ADVICE[plugin.state].format(name=plugin.name)}\n")
    broken = [plugin.name for plugin in unwell if plugin.state == "broken"]
    if broken:
        raise PluginError(f"broken: {', '.join(broken)}")
    if not unwell:
        click.echo(f"plugin {name} is ok" if name else "all plugins are ok")


@plugins.command()
@click.argument("kind", shell_complete=_complete_kind)
@click.argument("name")
@click.option(
    "--into",
    default=Path(),
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Write the package's folder into this one instead of the current one.",
)
@catalog_options
def new(catalog: Catalog, kind: str, name: str, into: Path) -> None:
    """Write a package with a working component of KIND called NAME: start by changing it.

    KIND is source, feature, backbone, head, synth, loss, schedule or evaluator.
    """
    scaffold = plan(kind, name, catalog)
    folder = write(scaffold, into)
    for path in sorted(scaffold.texts()):
        click.echo(f"wrote {folder / path}")
    where = shlex.quote(os.path.join("." if not folder.is_absolute() else "", folder))
    click.echo(f"\nNext:\n    pip install --editable {where}")
    click.echo(f"    ddsp plugins check {scaffold.plugin}")


def _row(catalog: Catalog, plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "package": plugin.package,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
        "provides": _provides(catalog, plugin),
    }


def _provides(catalog: Catalog, plugin: Plugin) -> dict[str, list[str]]:
    """Return by kind what a recipe can write to use the plugin, and which hooks it observes."""
    names: dict[str, list[str]] = {}
    for entry in catalog.entries():
        if entry.plugin == plugin.name:
            names.setdefault(entry.component.kind, []).append(catalog.display_name(entry))
    return names | ({"observer": list(plugin.observes)} if plugin.observes else {})


def _summary(catalog: Catalog, plugin: Plugin) -> str:
    kinds = _provides(catalog, plugin).items()
    return plugin.reason or "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds)


def _package(plugin: Plugin) -> str:
    return f"{plugin.package} {plugin.version}" if plugin.package else "local file"
