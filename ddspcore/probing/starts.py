"""Where a probe of gradients starts: a recipe, the weights, and a step of a stage."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
from attrs import frozen

from ddspcore.assemble import build_source, declare
from ddspcore.catalog import Catalog
from ddspcore.errors import UserError
from ddspcore.recipe.components import use_component
from ddspcore.recipe.problems import Origin, Source, closest, collect
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import LossUse, Recipe, Stage
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure
from ddspcore.recipe.tree import Node
from ddspcore.train.checkpoint import load_tensors, load_weights
from ddspcore.train.device import DeviceChoice
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson, fit_components
from ddspcore.train.snapshots import RECOMMENDED, Snapshot, find_snapshots, select

OPTION = "--losses "
FOLDER = "probe"


@frozen
class Start:
    """A step of a stage, with the weights of a checkpoint; without one, the model is untrained."""

    recipe: Recipe
    stage: Stage
    step: int
    folder: Path | None = None
    snapshot: Snapshot | None = None

    @property
    def checkpoint(self) -> str | None:
        """Where the weights come from; None for an untrained model."""
        return str(self.snapshot.path) if self.snapshot else None

    def __str__(self) -> str:
        """Say whose weights, and which step of which stage."""
        whose = "untrained"
        if self.snapshot and self.folder:
            whose = f"{self.folder.absolute().name}, {self.snapshot}"
        return f"{whose}; stage {self.stage.name}, step {self.step}"

    @property
    def default_folder(self) -> Path:
        """Where a probe writes if nobody says where."""
        return (self.folder or Path()) / FOLDER

    def learner(self, device: DeviceChoice) -> Learner:
        """Build the stage's learner, in the recipe's precision, not compiled.

        Raises RecipeError if a loss reads controls that there are not.
        """
        stages = [self.stage if s.name == self.stage.name else s for s in self.recipe.stages]
        recipe = attrs.evolve(self.recipe, stages=tuple(stages))
        feed = build_feed(recipe, declare(recipe), build_source(recipe), device.torch)
        if self.snapshot is not None:
            path = self.snapshot.path
            load_weights(feed.pipeline, load_tensors(path), path)
        else:
            fit_components(feed, self.stage.batch)
        before = stages[: stages.index(self.stage)]
        steps = sum(stage.steps for stage in before)
        lesson = build_lesson(
            recipe, self.stage, feed, compiled=False, steps_before=steps, idle=True
        )
        return Learner(lesson)


def find_start(
    target: str, catalog: Catalog, sets: Sequence[str], stage: str | None, step: int | None
) -> Start:
    """Return what a run folder, a checkpoint in one, or a recipe means.

    A run starts from the checkpoint that it recommends, and a checkpoint at its own step of its
    own stage; a recipe at the first step of its first stage. `stage` and `step` choose others; a
    step beyond the stage's end is its last. Raises UserError, RecipeError.
    """
    path, folder, snapshot = Path(target), folder_of(target), None
    if folder is not None:
        resolved = folder / "resolved.toml"
        if not resolved.is_file():
            raise UserError(f"{target}: is no run folder, nor a checkpoint in one")
        recipe = structure(read(resolved, sets), catalog)
        snapshots = find_snapshots(folder, [each.name for each in recipe.stages])
        word = RECOMMENDED if path.is_dir() else _name_of(path, snapshots)
        snapshot = select(snapshots, word, folder)[0]
    else:
        recipe = structure(read(resolve_recipe(target), sets), catalog)
    chosen = _stage(recipe, stage or (snapshot.stage if snapshot else recipe.stages[0].name))
    if step is None:
        step = snapshot.step if snapshot and snapshot.stage == chosen.name else 0
    return Start(recipe, chosen, min(step, chosen.steps - 1), folder, snapshot)


def folder_of(target: str) -> Path | None:
    """Return the run that is meant, or that a checkpoint is of; None for a recipe."""
    path = Path(target)
    if path.is_dir():
        return path
    return path.parent.parent if path.suffix == ".safetensors" else None


def _name_of(path: Path, snapshots: Sequence[Snapshot]) -> str:
    names = {each.path: each.name for each in snapshots}
    return names.get(path, f"{path.parent.name}/{path.name}")


def _stage(recipe: Recipe, name: str) -> Stage:
    stages = {stage.name: stage for stage in recipe.stages}
    if name not in stages:
        hints = (*closest(name, stages), f"its stages: {', '.join(stages)}")
        raise UserError("; ".join((f'the recipe has no stage "{name}"', *hints)))
    return stages[name]


def with_losses(stage: Stage, names: Sequence[str], catalog: Catalog) -> Stage:
    """Return the stage with these losses alone: its own, and others by the component's name.

    One that the stage has not got weighs 1, with the options that are its defaults. Raises
    RecipeError with every name that means nothing.
    """
    own = {use.name: use for use in stage.losses}
    losses = []
    with collect() as problems:
        for name, node in _nodes(list(dict.fromkeys(names))):
            with problems.part():
                losses.append(own.get(name) or use_component(node, "loss", LossUse, catalog))
    return attrs.evolve(stage, losses=tuple(losses))


def _nodes(names: Sequence[str]) -> Iterator[tuple[str, Node]]:
    """Yield each name with the table that a recipe would say it by, located in the option."""
    text = OPTION + ",".join(names)
    source, at = Source(text, None, text), len(OPTION)
    for name in names:
        origin = Origin(source, at, at + len(name))
        yield name, Node({"use": Node(name, origin, origin)}, origin, origin)
        at += len(name) + 1
