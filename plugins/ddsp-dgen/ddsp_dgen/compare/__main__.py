"""`python -m ddsp_dgen.compare CLIP...`: the reference and others, trained on the same chunks."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from ddspcore.catalog import Catalog
from ddspcore.data.fates import DataError
from ddspcore.errors import UserError
from ddspcore.plugins import discover
from ddspcore.train.checkpoint import write_json

from ddsp_dgen.compare.chunks import Clip, clips, write_chunk
from ddsp_dgen.compare.scores import Score, score
from ddsp_dgen.compare.table import to_json, to_markdown

REFERENCE = ("dgen:published", "dgen:exact")
OURS = ("probe_dry", "probe_overfit")


class RunFailed(Exception):  # noqa: N818  `ddsp run` has told why
    """A recipe did not train."""


@frozen
class Plan:
    """Which recipes to train, how, and where everything goes."""

    recipes: Sequence[str]
    sets: Sequence[str]
    device: str
    out: Path


def parser() -> argparse.ArgumentParser:
    """Return what understands the command line."""
    made = argparse.ArgumentParser(
        prog="python -m ddsp_dgen.compare",
        description="Train DDSPE2E's chains and other recipes on the same chunk of each recording, "
        "and print one table. The same command again continues where it was stopped.",
    )
    made.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="a recording or a folder")
    made.add_argument(
        "--recipe",
        action="append",
        dest="recipes",
        metavar="RECIPE",
        help=f"compare this with the reference; can be repeated ({', '.join(OURS)})",
    )
    made.add_argument(
        "--set",
        action="append",
        default=[],
        dest="sets",
        metavar="PATH=VALUE",
        help="override one value of every recipe; can be repeated",
    )
    made.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    made.add_argument(
        "--out",
        type=Path,
        default=Path("runs/compare"),
        help="where chunks, runs, table.md and table.json go (%(default)s)",
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Compare, and return an exit code: that of the run that failed, if one did."""
    given = parser().parse_args(words)
    recipes = (*REFERENCE, *(given.recipes or OURS))
    plan = Plan(recipes, given.sets, given.device, given.out)
    try:
        compare(clips(given.clips), plan, Catalog(discover()))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except RunFailed as error:
        return int(error.args[0])
    return 0


def compare(chosen: Sequence[Clip], plan: Plan, catalog: Catalog) -> None:
    """Train and score every recipe on every clip, writing the table anew after each clip.

    A clip that is of no use is told and left out; DataError if none is left.
    """
    scores: dict[str, dict[str, Score]] = {}
    for clip in chosen:
        try:
            chunk = write_chunk(clip, plan.out / "chunks", catalog)
        except DataError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        row = {recipe: train(recipe, chunk, plan, catalog) for recipe in plan.recipes}
        if len({found.audio_sha256 for found in row.values()}) > 1:
            raise UserError(f"{clip.name}: the recipes heard different audio; keep [audio], [data]")
        scores[clip.name] = row
        write_json(plan.out / "table.json", to_json(scores))
        (plan.out / "table.md").write_text(to_markdown(scores), encoding="utf-8")
    if not scores:
        raise DataError("no recording is left to compare on")
    print(to_markdown(scores), end="")


def train(recipe: str, chunk: Path, plan: Plan, catalog: Catalog) -> Score:
    """Run a recipe on a chunk, unless that is done, and score it; RunFailed with the exit code."""
    folder = plan.out / chunk.stem / recipe.replace(":", "_")
    print(f"{chunk.stem}: {recipe}", file=sys.stderr, flush=True)
    sets = [f"--set={each}" for each in (f"data.root={chunk.absolute()}", *plan.sets)]
    command = [sys.executable, "-m", "ddspcore.cli", "run", recipe, f"--run-dir={folder}"]
    done = subprocess.run(
        [*command, f"--device={plan.device}", *sets], stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise RunFailed(done.returncode)
    return score(folder, catalog, plan.device)


if __name__ == "__main__":
    sys.exit(main())
