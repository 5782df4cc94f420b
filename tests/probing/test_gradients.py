"""What the probe says of gradients that are known by hand, and of a real step's."""

import math

import pytest
import torch

from ddspcore.probing.gradients import modules_of
from ddspcore.probing.starts import find_start
from ddspcore.train.device import choose_device

DIRECTIONS = """
backbone = { use = "same" }
head = { use = "pair" }
data = { use = "ones" }
metric = { use = "zero" }
[[stage]]
name = "A"
steps = 10
lr = 1e-2
loss = [
  { use = "along", name = "east", x = 3.0 },
  { use = "along", name = "north", x = 0.0, y = 5.0 },
  { use = "along", name = "west", x = -2.0 },
  { use = "along", name = "north-east", y = 1.0 },
  { use = "none" },
]
"""


def test_cosines_are_those_of_the_directions(probe):
    found = probe(text=DIRECTIONS)
    half = math.sqrt(0.5)
    wanted = [[1, 0, -1, half], [0, 1, 0, half], [-1, 0, 1, -half], [half, half, -half, 1]]
    for module in found.modules:
        assert module.cosines[:4, :4].tolist() == [pytest.approx(row) for row in wanted]
        assert module.cosines[4].isnan().all()


def test_norms_are_those_of_the_directions(probe):
    found = probe(text=DIRECTIONS)
    # all weights are one, so a direction is the gradient of backbone and of head alike
    assert {m.name: m.norms.tolist() for m in found.modules} == {
        "everything": pytest.approx([3 * 2**0.5, 5 * 2**0.5, 2 * 2**0.5, 2, 0]),
        "backbone": pytest.approx([3, 5, 2, 2**0.5, 0]),
        "backbone.weight": pytest.approx([3, 5, 2, 2**0.5, 0]),
        "head.pair": pytest.approx([3, 5, 2, 2**0.5, 0]),
        "head.pair.scale": pytest.approx([3, 5, 2, 2**0.5, 0]),
    }
    assert [(m.depth, m.parameters) for m in found.modules] == [
        *((0, 4), (1, 2), (2, 2), (1, 2), (2, 2))
    ]
    assert [loss.value for loss in found.losses] == [3.0, 5.0, -2.0, 2.0, 1.0]


def test_shares_sum_to_one(probe):
    found = probe(text=DIRECTIONS)
    for module in found.modules:
        assert found.share_among_losses(module).sum() == pytest.approx(1)
    for depth in (1, 2):
        parts = [found.share_of_gradient(m) for m in found.modules if m.depth == depth]
        assert sum(parts)[:4].tolist() == pytest.approx([1] * 4)


@pytest.mark.parametrize(("step", "weight"), [(0, 0.0), (2, 0.0), (4, 0.25), (9, 0.5)])
def test_the_weight_is_that_of_the_step(probe, step, weight):
    found = probe(step=step)
    assert [loss.weight for loss in found.losses] == [1.0, weight]
    whole = found.modules[0]
    assert whole.norms.tolist() == pytest.approx([2**0.5, 2 * 2**0.5])
    assert found.weighted_norms(whole).tolist() == pytest.approx([2**0.5, weight * 2 * 2**0.5])
    shares = [1 / (1 + 2 * weight), 2 * weight / (1 + 2 * weight)]
    assert found.share_among_losses(whole).tolist() == pytest.approx(shares)


def test_a_step_beyond_the_end_is_the_last(probe):
    assert probe(step=1000).step == 9


def test_a_loss_that_the_stage_has_not_got_has_its_defaults_and_weighs_one(probe):
    found = probe("north", "along", step=9)
    assert [(loss.name, loss.weight) for loss in found.losses] == [("north", 0.5), ("along", 1.0)]
    assert found.modules[0].cosines[0, 1] == pytest.approx(0)


def test_what_is_frozen_has_no_gradient(probe):
    found = probe(sets=['stage.A.freeze=["backbone"]'])
    assert [module.name for module in found.modules] == [
        "everything",
        "head.pair",
        "head.pair.scale",
    ]


def test_nothing_is_changed_and_the_same_is_found_again(probe):
    assert probe(step=3).to_json() == probe(step=3).to_json()


def test_parameters_belong_to_their_component_and_its_part():
    rows = torch.ones(1, 2)
    names = ("backbone.layers.0.weight", "head.noise.magnitudes.bias", "synth.room.wet")
    assert [m.name for m in modules_of(dict.fromkeys(names, rows))] == [
        "everything",
        *("backbone", "backbone.layers"),
        *("head.noise", "head.noise.magnitudes"),
        *("synth.room", "synth.room.wet"),
    ]


def test_the_weighted_sum_is_the_gradient_of_the_training_step(probe, pulling, recipe_file):
    """The norm of what training does follows from the matrix of inner products."""
    found = probe(step=4)
    learner = find_start(str(recipe_file), pulling, (), None, 4).learner(choose_device("cpu"))
    learner.optimiser.step = lambda: None
    learner.optimiser.zero_grad = lambda set_to_none: None
    learner.step(4)
    taken = sum(float(p.grad.square().sum()) for p in learner.pipeline.parameters())
    weights = found.weights
    assert float(weights @ found.modules[0].products @ weights) == pytest.approx(taken)


def test_a_loss_that_is_switched_off_is_probed_all_the_same(probe):
    found = probe(sets=["stage.A.loss.north.weight=0"])
    assert [(loss.name, loss.weight) for loss in found.losses] == [("east", 1.0), ("north", 0.0)]
    assert len(found.weighted_norms(found.modules[0])) == 2
