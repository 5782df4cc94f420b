"""What an evaluator promises."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ddspcore.testing.generators import draws_from_global_generators, generators_at
from ddspcore.testing.model import feed_of
from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject, copied
from ddspcore.train.feed import Feed

SPLIT = "val"


def _evaluate(subject: Subject, evaluator: Any, feed: Feed, out_dir: Path) -> dict[str, float]:
    """Run an evaluator as the runner does: in eval mode, without gradients."""
    feed.pipeline.eval()
    splits = getattr(feed.source, "splits", ())
    batches = feed.in_order(f"{SPLIT}-items" if f"{SPLIT}-items" in splits else SPLIT, size=1)
    with torch.no_grad():
        return dict(evaluator(feed.pipeline, batches, out_dir))


def _feed(subject: Subject) -> Feed:
    """Return the setting's model, on items with what the evaluator needs."""
    return feed_of(subject.setting, subject.declared("needs") or ())


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """Work in an empty folder and yield another one for files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as out:
        os.chdir(here)
        try:
            yield Path(out)
        finally:
            os.chdir(before)


@promise()
def returns_the_numbers_that_it_declares(subject: Subject) -> None:
    """Every number is finite, declared, and within the bounds that are declared for it."""
    declared = subject.declared("metrics")
    with _elsewhere() as out_dir:
        found = _evaluate(subject, subject.build(), _feed(subject), out_dir)
    for name, value in found.items():
        records = [metric for metric in declared if metric.covers(name)]
        demand(records, f'it returns "{name}", which it does not declare')
        demand(isinstance(value, int | float), f"{name} is {value!r}, which is no number")
        low, high = records[0].lo, records[0].hi
        inside = (low is None or value >= low) and (high is None or value <= high)
        demand(inside, f"{name} is {value:g}, but it declares {low} to {high}")
    missing = [m.name for m in declared if not any(m.covers(name) for name in found)]
    demand(not missing, f"it declares {', '.join(missing)}, but does not return it")


@promise()
def says_what_it_measures(subject: Subject) -> None:
    """Every metric has a sentence."""
    for metric in subject.declared("metrics"):
        demand(metric.help.strip(), f"nothing says what {metric.name} is")


@promise()
def repeats_bit_for_bit(subject: Subject) -> None:
    """The same model gives the same numbers: again, and whatever was drawn before."""
    evaluator, feed = subject.build(), _feed(subject)
    found = []
    for seed in (1, 2):
        with generators_at(seed), _elsewhere() as out_dir:
            found.append(_evaluate(subject, evaluator, feed, out_dir))
    demand(found[0] == found[1], f"a second time it returns {found[1]}, not {found[0]}")


@promise()
def leaves_the_model_alone(subject: Subject) -> None:
    """Weights, buffers, gradients and modes are afterwards what they were before."""
    feed = _feed(subject)
    feed.pipeline.eval()
    before = _model_state(feed)
    with _elsewhere() as out_dir:
        _evaluate(subject, subject.build(), feed, out_dir)
    after = _model_state(feed)
    for name, value in before.items():
        same = (
            torch.equal(after[name], value) if isinstance(value, Tensor) else after[name] == value
        )
        demand(same, f"it changes {name}")


@promise()
def leaves_items_alone(subject: Subject) -> None:
    """The source's items are afterwards what they were before."""
    feed = _feed(subject)
    before = [copied(batch) for batch in feed.in_order(SPLIT, size=1)]
    with _elsewhere() as out_dir:
        _evaluate(subject, subject.build(), feed, out_dir)
    for old, new in zip(before, feed.in_order(SPLIT, size=1), strict=True):
        for name, value in old.items():
            demand(torch.equal(new[name], value), f"it changes {name} of an item")


@promise()
def draws_from_no_global_generator(subject: Subject) -> None:
    """Measuring more often does not change what is trained."""
    evaluator, feed = subject.build(), _feed(subject)
    with draws_from_global_generators() as moved, _elsewhere() as out_dir:
        _evaluate(subject, evaluator, feed, out_dir)
    demand(not moved, f"it draws from {', '.join(moved)}")


@promise()
def writes_where_it_is_told(subject: Subject) -> None:
    """Its files go into the folder that it is given, and nowhere else."""
    with _elsewhere() as out_dir:
        _evaluate(subject, subject.build(), _feed(subject), out_dir)
        stray = sorted(path.name for path in Path.cwd().iterdir())
    demand(not stray, f"it writes {', '.join(stray)} into the working directory")


def _model_state(feed: Feed) -> dict[str, Any]:
    state: dict[str, Any] = {
        name: value.clone() for name, value in feed.pipeline.state_dict().items()
    }
    for name, parameter in feed.pipeline.named_parameters():
        state[f"whether {name} is trained"] = parameter.requires_grad
        state[f"the gradient of {name}"] = parameter.grad is None
    for name, module in feed.pipeline.named_modules():
        state[f"the mode of {name or 'the pipeline'}"] = module.training
    return state


PROMISES = (
    returns_the_numbers_that_it_declares,
    says_what_it_measures,
    repeats_bit_for_bit,
    leaves_the_model_alone,
    leaves_items_alone,
    draws_from_no_global_generator,
    writes_where_it_is_told,
)
