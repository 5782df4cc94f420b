"""Opening a run folder again: its recipe, its trained pipeline, its features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ddspcore.assemble import build_features, build_pipeline, build_source, declare
from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.data.features import FeatureNode
from ddspcore.data.supply import count_items
from ddspcore.errors import UserError
from ddspcore.pipeline import Pipeline
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Recipe
from ddspcore.recipe.structuring import structure
from ddspcore.train.checkpoint import load_tensors, load_weights, read_json
from ddspcore.train.device import DeviceChoice, choose_device
from ddspcore.train.evaluation import Evaluation, Evaluator, evaluate
from ddspcore.train.feed import Feed
from ddspcore.train.snapshots import find_snapshot


@frozen
class OpenRun:
    """A run that was trained: everything needed to evaluate it or to render with it."""

    folder: Path
    recipe: Recipe
    pipeline: Pipeline
    features: tuple[FeatureNode, ...]
    device: DeviceChoice
    checkpoint: Path
    data: dict[str, Any]


def open_run(
    folder: Path, catalog: Catalog, *, device: str = "auto", checkpoint: Path | None = None
) -> OpenRun:
    """Open a run folder with its best checkpoint, or another one, ready to evaluate.

    Raises UserError if the folder holds no run with a checkpoint, RecipeError if its recipe
    needs a component that is not installed.
    """
    resolved = folder / "resolved.toml"
    if not resolved.is_file():
        raise UserError(f"{folder}: is no run folder: it has no resolved.toml")
    recipe = structure(read(resolved), catalog)
    path = checkpoint or best_checkpoint(folder)
    with blamed(recipe):
        pipeline, scheduled = build_pipeline(recipe, declare(recipe))
        features = build_features(recipe)
    load_weights(pipeline, load_tensors(path), path)
    steps = {stage.name: stage.steps for stage in recipe.stages}
    snapshot = find_snapshot(path, folder, tuple(steps))
    if snapshot is not None:
        for each in scheduled:
            each.settle(snapshot.step, steps[snapshot.stage])
    chosen = choose_device(device)
    pipeline.to(chosen.torch).eval()
    data = read_json(folder / "data.json") if (folder / "data.json").is_file() else {}
    return OpenRun(folder, recipe, pipeline, features, chosen, path, data)


def best_checkpoint(folder: Path) -> Path:
    """Return the checkpoint that the run recommends, or the best of its latest stage so far."""
    status = read_json(folder / "status.json")
    name = str(status.get("best_checkpoint", ""))
    if not name or not (folder / name).is_file():
        raise UserError(f"{folder}: has no checkpoint yet (its state is {status.get('state')})")
    return folder / name


def evaluate_run(
    run: OpenRun, evaluators: Sequence[Evaluator], splits: Sequence[str], out_dir: Path
) -> dict[str, Evaluation]:
    """Evaluate an opened run on those of the splits that have items; files go to `out_dir`/SPLIT.

    Raises UserError if none of them has any.
    """
    source = build_source(run.recipe)
    feed = Feed(source, run.pipeline, (), run.recipe.seed, run.device.torch)
    found = {
        s: evaluate(feed, evaluators, s, out_dir / s) for s in splits if count_items(source, s)
    }
    if not found:
        raise UserError(f"{run.folder}: nothing to evaluate on: {', '.join(splits)} has no items")
    return found
