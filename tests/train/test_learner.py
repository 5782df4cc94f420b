"""A step: it never waits for the device, and what it loads ahead changes nothing."""

import threading

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ddspcore.assemble import declare
from ddspcore.catalog import Catalog
from ddspcore.gates import batch_lengths, fake_batch
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import CORE, find_recipes, resolve_recipe
from ddspcore.recipe.structuring import structure
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson
from ddspcore.train.prefetch import Prefetch

READS = {"_local_scalar_dense", "is_nonzero", "nonzero", "equal", "_unique2", "masked_select"}
NOWHERE = torch.device("meta")


class Waits(Exception):  # noqa: N818
    """The host wants to know what the device has not computed yet."""


class NoWaiting(TorchDispatchMode):
    """Refuses what reads a tensor of the device, and copies to it that the host waits for.

    The meta device stands for any: it has no values, so nobody can ask for one unnoticed.
    """

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function.overloadpacket.__name__
        tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        there = [x for x in tensors if x.device == NOWHERE]
        if there and name in READS:
            raise Waits(name)
        # A number beside the tensors of the device travels with the command, an array does not.
        arrays = [x for x in tensors if x.device != NOWHERE and x.dim()]
        goes = there or kwargs.get("device") == NOWHERE
        patient = kwargs.get("non_blocking") or (name == "copy_" and args[2:3] == (True,))
        if arrays and goes and not patient:
            raise Waits(f"{name} of {[tuple(x.shape) for x in arrays]}")
        return function(*args, **kwargs)


class NoNumbers(TorchFunctionMode):
    """Refuses tensors made of Python's numbers on the device: a copy that the host waits for."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in (torch.tensor, torch.as_tensor) and kwargs.get("device") == NOWHERE:
            raise Waits(function.__name__)
        return function(*args, **kwargs)


class Nothing:
    """A source whose every batch is the first items of the dry run's fake one."""

    def __init__(self, batch):
        self.values = batch

    def count(self, split):
        return 2

    def batch(self, split, indices):
        return {name: value[: len(indices)] for name, value in self.values.items()}


def nowhere(recipe):
    """Return the learner of a recipe's first stage on the meta device, on plausible batches."""
    wiring = declare(recipe)
    source = Nothing(fake_batch(wiring, batch_lengths(recipe, wiring)))
    feed = build_feed(recipe, wiring, source, NOWHERE)
    return Learner(build_lesson(recipe, recipe.stages[0], feed, compiled=False, steps_before=0))


def take_steps(learner):
    with NoNumbers(), NoWaiting():
        for step in range(3):
            learner.step(step)


@pytest.mark.parametrize("more", [(), ("stage.A.fixed_batch=true",), ("optimiser.kind=adamw",)])
def test_a_step_never_waits(structured, more):
    take_steps(nowhere(structured(*more)))


@pytest.mark.parametrize("name", [str(each) for each in find_recipes() if each.plugin == CORE])
def test_a_step_of_a_shipped_recipe_never_waits(name):
    take_steps(nowhere(structure(read(resolve_recipe(name)), Catalog(discover()))))


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: float(x.sum()),
        lambda x: bool((x > 0).any()),
        lambda x: x[x > 0],
        torch.nonzero,
        lambda x: x + torch.ones(3).to(NOWHERE),
        lambda x: x.copy_(torch.ones(3)),
        lambda x: x[torch.tensor([0, 1])],
        lambda x: torch.tensor(1.0, device=NOWHERE) * x,
        lambda x: x.cpu(),
        lambda x: x.tolist(),
    ],
)
def test_whoever_waits_is_noticed(structured, monkeypatch, ask):
    learner = nowhere(structured())
    monkeypatch.setattr(learner, "_sum", lambda name, value: ask(torch.zeros(3, device=NOWHERE)))
    with pytest.raises((Waits, RuntimeError, NotImplementedError)):
        take_steps(learner)


CUDA_RUNS = [
    (),
    ("precision=bfloat16",),
    ("stage.A.fixed_batch=true",),
    ("guards.max_skipped=3", "stage.A.clip_value=0.1"),
]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("more", CUDA_RUNS)
def test_cuda_itself_sees_no_waiting(learner, more):
    with learner(*more, device="cuda") as there:
        there.step(0)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for step in range(1, 6):
                there.step(step)
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_batches_that_were_loaded_ahead_are_the_same(learner):
    plain, ahead = learner(), learner()
    with Prefetch(ahead._loaded, ahead=2) as prefetch:
        ahead._load = prefetch.take
        for step in (0, 1, 5, 6):  # as if it had been continued at 5
            plain.step(step)
            ahead.step(step)
    for name, value in plain.pipeline.state_dict().items():
        assert value.equal(ahead.pipeline.state_dict()[name])


def test_outside_of_cuda_no_thread_is_started(learner):
    before = threading.active_count()
    with learner() as here:
        here.step(0)
        assert threading.active_count() == before


SECOND = """
  [[stage.loss]]
  use = "nll"
  name = "idle"
  weight = {weight}
"""


@pytest.mark.parametrize(
    ("weight", "kept"),
    [
        ("0", ["nll"]),
        ('{ use = "constant", value = 0.0 }', ["nll"]),
        ('{ use = "linear", start = 0.0, end = 0.0 }', ["nll", "idle"]),
        ("0.5", ["nll", "idle"]),
    ],
)
def test_a_loss_whose_weight_is_the_number_0_is_not_computed(learner, recipe_text, weight, kept):
    with learner(text=recipe_text + SECOND.format(weight=weight)) as built:
        built.step(0)
        assert [term.label for term in built.lesson.terms] == kept
        assert list(built.sums) == [*(f"loss/{label}" for label in kept), "loss"]


def test_a_loss_of_weight_0_changes_no_weight_of_the_model(learner, recipe_text):
    found = []
    for text in (recipe_text, recipe_text + SECOND.format(weight=0)):
        with learner(text=text) as built:
            for step in range(3):
                built.step(step)
            found.append(built.pipeline.state_dict())
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
