"""One evaluator on several checkpoints of a run, each in a folder of its own, and side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ddspcore.assemble import build_pipeline, build_source, declare
from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.component import OptionError
from ddspcore.data.supply import count_items, first_with_items
from ddspcore.errors import UserError
from ddspcore.probing.starts import FOLDER
from ddspcore.recipe.problems import Origin, Source
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Recipe, Use
from ddspcore.recipe.structuring import structure
from ddspcore.train.checkpoint import load_tensors, load_weights
from ddspcore.train.device import choose_device
from ddspcore.train.evaluation import HELD_OUT_FIRST, Evaluator, build_evaluator
from ddspcore.train.feed import Batches, Feed
from ddspcore.train.snapshots import Snapshot, find_snapshots, select


@frozen
class Question:
    """What is asked: an evaluator with options, of which checkpoints, on which items.

    `steps` is a word or several for `select`; without a `split`, items are held out if any are.
    """

    evaluator: str
    options: Mapping[str, Any]
    steps: str
    items: tuple[int, ...]
    split: str | None
    device: str
    out: Path | None


@frozen
class Answer:
    """What the evaluator found at one checkpoint, and where it wrote its files."""

    snapshot: Snapshot
    folder: Path
    values: Mapping[str, float]


def ask(folder: Path, question: Question, catalog: Catalog) -> tuple[tuple[Answer, ...], Path]:
    """Run an evaluator on checkpoints of a run, and return where it wrote about all of them.

    Of several checkpoints, one that can `compare` writes a comparison there. Raises UserError if
    the folder is no run, or has no such checkpoint or item.
    """
    resolved = folder / "resolved.toml"
    if not resolved.is_file():
        raise UserError(f"{folder}: is no run folder: it has no resolved.toml")
    recipe = structure(read(resolved), catalog)
    kept = find_snapshots(folder, [stage.name for stage in recipe.stages])
    snapshots = select(kept, question.steps, folder)
    evaluator = _evaluator(recipe, question, catalog)
    device = choose_device(question.device).torch
    out = question.out or folder / FOLDER / question.evaluator
    with blamed(recipe):
        pipeline, scheduled = build_pipeline(recipe, declare(recipe))
        feed = Feed(build_source(recipe), pipeline.to(device), scheduled, recipe.seed, device)
        batches = _batches(feed, question, folder)
        answers = [_answer(recipe, evaluator, each, batches, out) for each in snapshots]
    if len(answers) > 1 and hasattr(evaluator.call, "compare"):
        evaluator.call.compare({each.snapshot.label: each.folder for each in answers}, out)
    return tuple(answers), out


def _evaluator(recipe: Recipe, question: Question, catalog: Catalog) -> Evaluator:
    entry = catalog.find("evaluator", question.evaluator)
    asked = f"ddsp probe {question.evaluator}"
    try:
        options: Any = entry.component.options(**question.options)
    except OptionError as error:
        raise UserError(f"{asked}: {error}") from None
    use = Use(
        component=entry.component,
        plugin=entry.plugin,
        options=options,
        origin=Origin(Source(asked)),
        name=question.evaluator,
    )
    return build_evaluator(recipe, use)


def _batches(feed: Feed, question: Question, folder: Path) -> Batches:
    split = question.split or first_with_items(feed.source, HELD_OUT_FIRST)
    count = count_items(feed.source, split)
    for item in question.items:
        if item >= count:
            raise UserError(f"{folder}: {split} has {_numbered(count)}, so there is no item {item}")
    return Batches(feed, split, question.items, size=len(question.items))


def _numbered(count: int) -> str:
    return f"items 0 to {count - 1}" if count else "no items"


def _answer(
    recipe: Recipe, evaluator: Evaluator, snapshot: Snapshot, batches: Batches, out: Path
) -> Answer:
    """Evaluate one checkpoint, with what its stage schedules as it was in its last step."""
    pipeline = batches.feed.pipeline
    load_weights(pipeline, load_tensors(snapshot.path), snapshot.path)
    steps = next(stage.steps for stage in recipe.stages if stage.name == snapshot.stage)
    for scheduled in batches.feed.scheduled:
        scheduled.settle(snapshot.step, steps)
    folder = out / snapshot.stage / f"step_{snapshot.step:06d}"
    folder.mkdir(parents=True, exist_ok=True)
    return Answer(snapshot, folder, evaluator.run(pipeline, batches, folder))
