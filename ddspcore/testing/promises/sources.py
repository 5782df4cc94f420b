"""What a source promises."""

import threading
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ddspcore.testing.generators import draws_from_global_generators
from ddspcore.testing.promise import demand, promise
from ddspcore.testing.subject import Subject, Values, copied

SPLITS = ("train", "val")


def _splits(subject: Subject) -> tuple[str, ...]:
    """Name the splits, whole items aside: those may differ in length."""
    return tuple(dict.fromkeys((*SPLITS, *getattr(subject.component.cls, "splits", ()))))


def _questions(subject: Subject, source: Any) -> Iterator[tuple[str, list[int]]]:
    """Yield a few questions to ask: single items, and two at once where they have one length."""
    for split in _splits(subject):
        count = source.count(split)
        for index in sorted({0, count // 2, count - 1} & set(range(count))):
            yield split, [index]
    if source.count("train") > 1:
        yield "train", [1, 0]


@promise()
def has_something_to_train_on(subject: Subject) -> None:
    """Every split has a whole number of items, and `train` has at least one."""
    source = subject.build()
    for split in _splits(subject):
        count = source.count(split)
        demand(isinstance(count, int) and count >= 0, f"it counts {count!r} items in {split}")
    demand(source.count("train"), "it has no items to train on")


@promise()
def holds_out_other_items(subject: Subject) -> None:
    """No item that is held out is one that is trained on."""
    source, target = subject.build(), str(subject.declared("target"))

    def items(split: str) -> list[Tensor]:
        return [source.batch(split, [index])[target] for index in range(source.count(split))]

    trained = items("train")
    for place, held in enumerate(items("val")):
        same = any(torch.equal(held, each) for each in trained)
        demand(not same, f"item {place} of val is an item of train")


@promise()
def returns_what_it_declares(subject: Subject) -> None:
    """A batch has everything that is declared, in float32, along the axes that are declared."""
    source = subject.build()
    names = [control.name for control in subject.provided]
    target = subject.declared("target")
    demand(target in names, f'its target is "{target}", but it provides {", ".join(names)}')
    for split, indices in _questions(subject, source):
        batch = source.batch(split, indices)
        for control in subject.provided:
            demand(control.name in batch, f"{control.name} is declared, but {split} has none")
            value = batch[control.name]
            demand(
                value.dtype == torch.float32 or control.unit == "index",
                f"{control.name} is {value.dtype}, not float32",
            )
            dims = {"clip": 2, "sample": 2}.get(control.axis, 3)
            shape = list(value.shape)
            good = len(shape) == dims and shape[0] == len(indices)
            good = good and (control.axis == "sample" or shape[-1] == control.channels)
            demand(good, f"{control} is {shape} in a batch of {len(indices)}")
            demand(value.isfinite().all(), f"{control.name} holds values that are not finite")


@promise()
def answers_by_split_and_indices_alone(subject: Subject) -> None:
    """The same question has the same answer: again, after others, in a thread, of a twin."""
    source, twin = subject.build(), subject.build(seed=2)
    asked = list(_questions(subject, source))
    first = [copied(source.batch(*question)) for question in asked]
    again = [source.batch(*question) for question in reversed(asked)][::-1]
    aside: list[Values] = []
    thread = threading.Thread(target=lambda: aside.extend(source.batch(*q) for q in asked))
    thread.start()
    thread.join()
    answers = {
        "after other questions": again,
        "in another thread": aside,
        "of another instance": [twin.batch(*question) for question in asked],
    }
    for when, found in answers.items():
        same = len(found) == len(first) and all(map(_equal, first, found))
        demand(same, f"asked {when}, it gives another batch for the same split and indices")


@promise()
def answers_for_each_item_alone(subject: Subject) -> None:
    """A batch of two holds what two batches of one hold."""
    source = subject.build()
    if source.count("train") < 2:
        return
    together = source.batch("train", [1, 0])
    for place, index in enumerate((1, 0)):
        for name, value in source.batch("train", [index]).items():
            same = torch.equal(together[name][place : place + 1], value)
            demand(same, f"item {index} has another {name} in a batch of two")


@promise()
def keeps_its_items_to_itself(subject: Subject) -> None:
    """Whatever is done to a batch, the next one is as it should be."""
    source = subject.build()
    question = ("train", [0])
    first = copied(source.batch(*question))
    for value in source.batch(*question).values():
        value.zero_()
    demand(_equal(first, source.batch(*question)), "a batch that is changed changes the next one")


@promise()
def draws_from_no_global_generator(subject: Subject) -> None:
    """It may be asked ahead, in a thread: it must not move the generators of training."""
    source = subject.build()
    with draws_from_global_generators() as moved:
        for question in _questions(subject, source):
            source.batch(*question)
    demand(not moved, f"it draws from {', '.join(moved)}")


def _equal(a: Values, b: Values) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


PROMISES = (
    has_something_to_train_on,
    holds_out_other_items,
    returns_what_it_declares,
    answers_by_split_and_indices_alone,
    answers_for_each_item_alone,
    keeps_its_items_to_itself,
    draws_from_no_global_generator,
)
