"""`ddsp report`: a run on one page."""

from pathlib import Path

import rich_click as click

from ddspcore.cli.options import run_argument
from ddspcore.errors import UserError


@click.command()
@run_argument
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the page here instead of RUN/report.html.",
)
def report(folder: Path, out: Path | None) -> None:
    """Put RUN on one page: scores in words, sounds to compare, curves, controls, data, recipe.

    The page is one file that fetches nothing: it can be mailed, and opens in any browser.
    """
    if out and not out.parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}")
    from ddspcore.report import write_report  # noqa: PLC0415  matplotlib loads slowly

    click.echo(write_report(folder, out))
