"""What an evaluator promises."""

import functools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from torch import Tensor

from ddspcore.testing.generators import draws_from_global_generators, generators_at
from ddspcore.testing.model import feed_of
from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject
from ddspcore.train.feed import Feed

SPLIT = "val"


@frozen
class _Seen:
    """What two evaluations of one model were seen to do; the generators differ between them."""

    numbers: Mapping[str, float]
    again: Mapping[str, float]
    changed: Sequence[str]
    changed_of_items: Sequence[str]
    drawn: Sequence[str]
    stray: Sequence[str]


@functools.cache
def _seen(subject: Subject) -> _Seen:
    """Watch an evaluator from all sides at once: each look at a model takes seconds."""
    evaluator, feed = subject.build(), feed_of(subject.setting, subject.declared("needs") or ())
    feed.pipeline.eval()
    before, items = _model_state(feed), _items(feed)
    with _elsewhere() as out_dir:
        with draws_from_global_generators() as drawn:
            numbers = _evaluate(evaluator, feed, out_dir)
        # what one evaluation changes, a second may put back
        changed = _differences(before, _model_state(feed))
        changed_of_items = _differences(items, _items(feed))
        with generators_at(1):
            again = _evaluate(evaluator, feed, out_dir)
        stray = sorted(path.name for path in Path.cwd().iterdir())
    return _Seen(numbers, again, changed, changed_of_items, drawn, stray)


def _evaluate(evaluator: Any, feed: Feed, out_dir: Path) -> dict[str, float]:
    """Run an evaluator as the runner does: in eval mode, without gradients."""
    splits = getattr(feed.source, "splits", ())
    batches = feed.in_order(f"{SPLIT}-items" if f"{SPLIT}-items" in splits else SPLIT, size=1)
    with torch.no_grad():
        return dict(evaluator(feed.pipeline, batches, out_dir))


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


def _items(feed: Feed) -> dict[str, Any]:
    return {
        f"{name} of item {place}": value.clone()
        for place, batch in enumerate(feed.in_order(SPLIT, size=1))
        for name, value in batch.items()
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    def same(old: Any, new: Any) -> bool:
        return torch.equal(old, new) if isinstance(old, Tensor) else old == new

    return [name for name, old in before.items() if not same(old, after[name])]


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
    declared, found = subject.declared("metrics"), _seen(subject).numbers
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
    seen = _seen(subject)
    demand(seen.again == seen.numbers, f"a second time it returns {seen.again}, not {seen.numbers}")


@promise()
def leaves_the_model_alone(subject: Subject) -> None:
    """Weights, buffers, gradients and modes are afterwards what they were before."""
    changed = _seen(subject).changed
    demand(not changed, f"it changes {', '.join(changed)}")


@promise()
def leaves_items_alone(subject: Subject) -> None:
    """The source's items are afterwards what they were before."""
    changed = _seen(subject).changed_of_items
    demand(not changed, f"it changes {', '.join(changed)}")


@promise()
def draws_from_no_global_generator(subject: Subject) -> None:
    """Measuring more often does not change what is trained."""
    drawn = _seen(subject).drawn
    demand(not drawn, f"it draws from {', '.join(drawn)}")


@promise()
def writes_where_it_is_told(subject: Subject) -> None:
    """Its files go into the folder that it is given, and nowhere else."""
    stray = _seen(subject).stray
    demand(not stray, f"it writes {', '.join(stray)} into the working directory")


PROMISES = (
    returns_the_numbers_that_it_declares,
    says_what_it_measures,
    repeats_bit_for_bit,
    leaves_the_model_alone,
    leaves_items_alone,
    draws_from_no_global_generator,
    writes_where_it_is_told,
)
