"""What a step makes of its gradient before the optimiser sees it."""

import pytest
import torch

FREE = "stage.A.clip=1e9"


def gradients(learner, step=9):
    """Return the gradients that the optimiser is given in a step; the loss counts from step 3."""
    given = {}

    def look():
        for name, parameter in learner.pipeline.named_parameters():
            given[name] = parameter.grad.clone()

    learner.optimiser.step = look
    learner.step(step)
    return given


def test_accumulated_batches_are_one_large_batch(learner):
    """The loss is a mean, so nothing has to be divided by what went into it."""
    parts = gradients(learner(FREE, "stage.A.batch=2", "stage.A.accumulate=4"))
    whole = gradients(learner(FREE, "stage.A.batch=8", "stage.A.accumulate=1"))
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient)


def test_the_norm_is_clipped_once_for_all_batches_of_a_step(learner):
    sets = ("stage.A.batch=2", "stage.A.accumulate=4")
    free, clipped = gradients(learner(FREE, *sets)), gradients(learner(*sets, "stage.A.clip=0.01"))
    norm = torch.stack([g.square().sum() for g in free.values()]).sum().sqrt()
    assert norm > 0.02
    for name, gradient in clipped.items():
        torch.testing.assert_close(gradient, free[name] * (0.01 / norm), rtol=1e-4, atol=0)


@pytest.mark.parametrize("largest", [0.001, 0.05])
def test_elements_are_clipped_before_the_norm(learner, largest):
    free = gradients(learner(FREE))
    clipped = gradients(learner(FREE, f"stage.A.clip_value={largest}"))
    assert max(g.abs().max() for g in free.values()) > largest
    for name, gradient in clipped.items():
        torch.testing.assert_close(gradient, free[name].clamp(-largest, largest))
    both = gradients(learner("stage.A.clip=1e-4", f"stage.A.clip_value={largest}"))
    norm = torch.stack([g.square().sum() for g in clipped.values()]).sum().sqrt()
    for name, gradient in both.items():
        torch.testing.assert_close(gradient, clipped[name] * (1e-4 / norm), rtol=1e-2, atol=0)


def places(learner, steps):
    """Return the places in the walks that steps see."""
    seen, load = [], learner.feed.source.batch

    def listen(split, chosen):
        seen.append(tuple(chosen))
        return load(split, chosen)

    learner.feed.source.batch = listen
    for step in steps:
        learner.step(step)
    return seen


def test_a_fixed_batch_has_all_batches_of_the_first_step(learner):
    free = places(learner(), [0])
    assert len(set(free)) == 2
    assert places(learner("stage.A.fixed_batch=true"), [0, 1, 2]) == free
    assert places(learner("stage.A.fixed_batch=true"), [7, 8]) == free


def test_without_shuffling_items_come_in_the_order_of_the_source(learner):
    assert places(learner("stage.A.shuffle=false"), [0, 1]) == [
        (0, 1, 2, 3),
        (4, 5, 6, 7),
        (8, 0, 1, 2),
        (3, 4, 5, 6),
    ]
