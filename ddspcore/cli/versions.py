"""What a command says, before anything else, of a run that other versions made."""

from pathlib import Path

import rich_click as click

from ddspcore.catalog import Catalog


def heed_versions(
    folder: Path, catalog: Catalog, checkpoint: Path | None = None, exact: bool = False
) -> None:
    """Warn of versions that a run, and another one whose checkpoint is used, were not made with.

    Where it is to be `exact`, raises RecipeError.
    """
    from ddspcore.train.versions import (  # noqa: PLC0415  imports torch
        heed,
        run_of,
        version_problems,
    )

    runs = {folder.absolute(): folder}
    if checkpoint is not None:
        runs.setdefault(run_of(checkpoint).absolute(), run_of(checkpoint))
    problems = [each for run in runs.values() for each in version_problems(run, catalog.plugins)]
    heed(problems, exact=exact, warn=lambda text: click.secho(text, fg="yellow", err=True))
