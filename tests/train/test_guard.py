"""Steps that are left out: nothing moves, nothing of them is summed, and they are counted."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

from ddspcore.cli import main
from ddspcore.recipe.schema import Guards
from ddspcore.train.guard import Guard
from ddspcore.train.state import Position, find_stage, save_stage

TOY = Path(__file__).with_name("toy.py")
SKIPPING = "guards.max_skipped=3"
BAD = {"inf": torch.inf, "nan": torch.nan, "minus infinity": -torch.inf}


def weights(learner):
    return {
        name: value.clone()
        for group in ("model", "optimiser")
        for name, value in learner.groups()[group].items()
    }


def poisoned(learner, how, at):
    """Make one loss of one batch bad, in value or in gradient alone."""
    term = learner.lesson.terms[0].module
    forward = term.forward

    def bad(target, controls, step=None):
        value = forward(target, controls)
        if bad.calls in at:
            value = how(value, controls["guess"])
        bad.calls += 1
        return value

    bad.calls = 0
    term.forward = bad
    return learner


def of_value(number):
    return lambda value, guess: value * number


def of_gradient(value, guess):
    zero = (0.0 * guess).sum()
    return value + zero.square().sqrt()


@pytest.mark.parametrize("how", [*map(of_value, BAD.values()), of_gradient], ids=[*BAD, "gradient"])
@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_a_step_that_is_left_out_moves_nothing(learner, how, kind):
    """The second of two batches is bad: the first must count as little."""
    here = poisoned(learner(SKIPPING, f"optimiser.kind={kind}"), how, at={5})
    for step in range(2):
        here.step(step)
    before, sums = weights(here), dict(here.sums)
    here.step(2)
    assert all(value.equal(before[name]) for name, value in weights(here).items())
    assert here.sums == sums
    assert int(here.guard.skipped) == 1
    here.step(3)
    assert not all(value.equal(before[name]) for name, value in weights(here).items())
    assert here.weights_are_finite()
    assert here.fault() == ""


def test_a_loss_beyond_the_largest_is_left_out_too(learner):
    here = poisoned(learner(SKIPPING, "guards.max_loss=1e6"), of_value(1e9), at={8})
    for step in range(6):
        here.step(step)
    assert here.guard.take_count() == 1
    assert here.guard.take_count() == 0


def test_without_leave_to_skip_the_first_such_loss_is_remembered(learner):
    here = poisoned(learner("guards.max_loss=1e6"), of_value(1e9), at={8})
    for step in range(6):
        here.step(step)
    assert here.fault() == "step 5: loss is beyond guards.max_loss, 1e+06"


def test_good_steps_are_the_same_under_guard(learner):
    plain, guarded = learner(), learner(SKIPPING)
    for step in range(4):
        plain.step(step)
        guarded.step(step)
    assert all(value.equal(weights(plain)[name]) for name, value in weights(guarded).items())
    assert plain.sums == guarded.sums


def test_steps_left_out_before_a_save_are_reported_after_it(learner, tmp_path):
    here = poisoned(learner(SKIPPING), of_value(torch.nan), at={2})
    for step in range(3):
        here.step(step)
    save_stage(tmp_path, "key", Position(step=3), here.groups(), {})
    there = learner(SKIPPING)
    there.restore(find_stage(tmp_path, "key"))
    assert there.sums == here.sums
    assert there.guard.take_count() == here.guard.take_count() == 1


def test_judging_never_waits_for_the_device():
    parameter = torch.nn.Parameter(torch.zeros(3, device="meta"))
    guard = Guard(Guards(max_skipped=1), torch.optim.Adam([parameter]), torch.device("meta"))
    guard.begin({})
    loss = parameter.sum()
    loss.backward()
    guard.watch(loss, 0)
    guard.judge([parameter], {"loss": loss.detach()})


RECIPE = """
backbone = { use = "linear" }
head = { use = "gaussian" }
guards = { max_skipped = 3 }
[data]
use = "walks"
[metric]
use = "miss"
every = 5
[[stage]]
name = "A"
steps = 20
lr = 1e-2
  [[stage.loss]]
  use = "nll"
  [[stage.loss]]
  use = "hiccup"
"""
HICCUP = """
import torch
from ddspcore import Control, hookimpl, loss

@loss("hiccup")
class Hiccup(torch.nn.Module):
    "No number in steps 4, 5 and 12, nor from step LAST on."

    @staticmethod
    def needs(opt, ctx):
        return (Control("guess", channels=2),)

    def forward(self, controls, step):
        bad = step in (3, 4, 11) or step >= LAST
        return controls["guess"].sum() * (torch.nan if bad else 0.0)

@hookimpl
def ddsp_losses():
    return [Hiccup]
"""


@pytest.fixture
def train(tmp_path):
    """Return a function that trains with a loss that is no number now and then."""

    def run(last, code):
        (tmp_path / "toy.toml").write_text(RECIPE)
        (tmp_path / "hiccup.py").write_text(HICCUP.replace("LAST", str(last)))
        output = io.StringIO()
        plugins = ("--plugin", str(TOY), "--plugin", str(tmp_path / "hiccup.py"))
        with redirect_stdout(output), redirect_stderr(output):
            found = main(
                ["run", str(tmp_path / "toy.toml"), "--run-dir", str(tmp_path / "run"), *plugins]
            )
        assert found == code, output.getvalue()
        lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
        return output.getvalue(), [r for r in map(json.loads, lines) if r["kind"] == "train"]

    return run


def test_a_run_says_what_was_left_out_and_goes_on(train):
    output, reports = train(99, code=0)
    assert [report["skipped"] for report in reports] == [2, 2, 3, 3]
    assert all(report["loss/hiccup"] == 0 for report in reports)
    said = "stage A, step 5: 2 steps were left out, whose loss or gradient was no finite number"
    assert said in output


def test_more_than_is_allowed_ends_the_run(train):
    output, reports = train(15, code=3)
    assert "step 20: 8 steps were left out" in output
    assert "max_skipped is 3" in output
    assert reports[-1]["loss"] is None
    assert reports[-1]["skipped"] == 8
