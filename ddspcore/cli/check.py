"""`ddsp check`: prove a recipe without data or training, and show how it is wired."""

from typing import TYPE_CHECKING

import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, recipe_argument, set_option
from ddspcore.cli.tables import make_console, make_table, show

if TYPE_CHECKING:
    from rich.table import Table

    from ddspcore.wiring import Wiring


@click.command()
@recipe_argument
@set_option
@catalog_options
def check(recipe: str, sets: tuple[str, ...], catalog: Catalog) -> None:
    """Check RECIPE: names, options, wiring, and one forward without memory or data."""
    from ddspcore.assemble import target_of  # noqa: PLC0415  imports torch
    from ddspcore.gates import check_recipe  # noqa: PLC0415
    from ddspcore.recipe.reading import read  # noqa: PLC0415
    from ddspcore.recipe.series import members  # noqa: PLC0415
    from ddspcore.recipe.shipped import resolve_recipe  # noqa: PLC0415
    from ddspcore.recipe.structuring import structure  # noqa: PLC0415

    document = read(resolve_recipe(recipe), sets)
    structure(document, catalog)  # tells of every value of `each` at once
    runs = members(document)
    checked, *others = [check_recipe(structure(run.document, catalog)) for run in runs]
    console = make_console()
    show(wiring_table(checked.wiring))
    target = target_of(checked.recipe)
    unused = [
        f"{one.control} of {one.node.title}"
        for one in checked.wiring.unused
        if one.control.name != target
    ]
    if unused:
        console.print(f"\nnobody consumes {'; '.join(unused)}")
    proof = checked.dry_run
    console.print(f"\n{proof.parameters:,} parameters; proved by a dry run on {proof.device}")
    if proof.reason:
        console.print(f"the meta device cannot express it: {proof.reason}")
    if others:
        labels = ", ".join(run.label for run in runs)
        console.print(f"{len(runs)} runs, each of them proved; above is the first of {labels}")


def wiring_table(wiring: "Wiring") -> "Table":
    """Return who needs what, who provides it, and what each component provides."""
    table = make_table("component", "wiring")
    for node in wiring.nodes:
        wires = wiring.of(node.kind, node.label)
        lines = [f"needs {wire.need} <- {wire.provider}: {wire.control}" for wire in wires]
        lines += [f"provides {control}" for control in node.provides]
        for row, line in enumerate(lines or [""]):
            table.add_row("" if row else node.title, line)
    return table
