"""Runs whose plugins misbehave: what is said, what the run folder says, what is kept."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from ddspcore.cli import main
from ddspcore.train.checkpoint import load_tensors

TOY = Path(__file__).with_name("toy.py")
RECIPE = """
backbone = { use = "linear" }
head = { use = "gaussian" }
[data]
use = "walks"
[metric]
use = "miss"
every = 2
[[stage]]
name = "A"
steps = 6
lr = 1e-2
  [[stage.loss]]
  use = "nll"
"""
FAULTY = """
import torch
from attrs import frozen
from ddspcore import Control, Metric, evaluator, hookimpl, loss, option

@evaluator("faulty")
class Faulty:
    "Does what it should not."

    @frozen
    class Options:
        does: str = option("", help="what it does")

    def __init__(self, opt, ctx):
        self.does = opt.does

    @staticmethod
    def metrics(opt, ctx):
        return (Metric("fault", "", "lower", help="a number"),)

    def __call__(self, pipeline, batches, out_dir):
        if self.does == "raise":
            raise ZeroDivisionError("oh")
        if self.does == "nest":
            (out_dir / "plots").mkdir()
            (out_dir / "plots" / "a.txt").write_text("a")
        wrong = {"nothing": None, "empty": {}, "word": {"fault": "much"}, "other": {"other": 1.0},
                 "two": {"fault": 2.0}, "nan": {"fault": float("nan")}}
        return wrong.get(self.does, {"fault": 1.0})

@loss("cusp")
class Cusp(torch.nn.Module):
    "The square root of zero from step 5 on: finite, but its gradient is not."

    def __init__(self, opt, ctx):
        super().__init__()

    @staticmethod
    def needs(opt, ctx):
        return (Control("guess", channels=2),)

    def forward(self, controls, step):
        zero = 0 * controls["guess"].sum()
        return zero.square().sqrt() if step >= 5 else zero

@hookimpl
def ddsp_evaluators():
    return [Faulty]

@hookimpl
def ddsp_losses():
    return [Cusp]
"""


@pytest.fixture
def ddsp(tmp_path):
    """Return a function that runs a recipe in `run` and returns what it printed."""
    plugin = tmp_path / "faulty.py"
    plugin.write_text(FAULTY)

    def run(text, code=0):
        (tmp_path / "toy.toml").write_text(text)
        output = io.StringIO()
        plugins = ("--plugin", str(TOY), "--plugin", str(plugin))
        with redirect_stdout(output), redirect_stderr(output):
            found = main(
                ["run", str(tmp_path / "toy.toml"), "--run-dir", str(tmp_path / "run"), *plugins]
            )
        assert found == code, output.getvalue()
        return output.getvalue()

    return run


def evaluated(does):
    return f'evaluator = {{ use = "faulty", does = "{does}" }}\n{RECIPE}'


def read(tmp_path, name):
    return json.loads((tmp_path / "run" / name).read_text())


def test_a_recipe_may_have_no_evaluator(ddsp, tmp_path):
    ddsp(RECIPE)
    assert read(tmp_path, "summary.json")["evaluation"] == {"train": {}, "val": {}}
    assert not (tmp_path / "run" / "A" / "val").exists()


def test_an_evaluator_may_write_folders(ddsp, tmp_path):
    ddsp(evaluated("nest"))
    (file,) = read(tmp_path, "summary.json")["files"]["val"]["faulty"]
    assert file == "A/val/faulty/plots/a.txt"


def test_two_evaluators_of_one_kind_keep_their_numbers_apart(ddsp, tmp_path):
    one = (
        '[[evaluator]]\nuse = "faulty"\n[[evaluator]]\nuse = "faulty"\nname = "two"\ndoes = "two"\n'
    )
    ddsp(RECIPE + one)
    words = read(tmp_path, "summary.json")["in_words"]
    assert words == [
        "a number: 1 where trained, 1 held out",
        "a number, two: 2 where trained, 2 held out",
    ]
    output = io.StringIO()
    plugins = ("--plugin", str(TOY), "--plugin", str(tmp_path / "faulty.py"))
    with redirect_stdout(output):
        assert main(["eval", str(tmp_path / "run"), *plugins]) == 0
    assert [line.split()[:3] for line in output.getvalue().splitlines()[1:3]] == [
        ["fault", "1", "1"],
        ["two/fault", "2", "2"],
    ]


def test_a_number_that_is_none_is_null_in_json(ddsp, tmp_path):
    ddsp(evaluated("nan"))
    output = io.StringIO()
    plugins = ("--plugin", str(TOY), "--plugin", str(tmp_path / "faulty.py"))
    with redirect_stdout(output):
        assert main(["eval", str(tmp_path / "run"), "--json", *plugins]) == 0
    assert '"fault": null' in output.getvalue()


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("nothing", "evaluator faulty returns None, not numbers by name"),
        ("word", "evaluator faulty returns {'fault': 'much'}, not numbers by name"),
        ("other", 'evaluator faulty returns "other", but it declares fault'),
    ],
)
def test_an_evaluator_must_return_numbers_that_it_declares(ddsp, does, said):
    assert said in ddsp(evaluated(does), code=2)


def test_a_metric_must_return_what_decides(ddsp):
    text = RECIPE.replace('"miss"', '"faulty"\ndoes = "empty"')
    said = "evaluator faulty declares fault, which decides what is best, but does not return it"
    assert said in ddsp(text, code=2)


def test_a_metric_that_is_never_a_number_stops_training(ddsp, tmp_path):
    output = ddsp(RECIPE.replace('"miss"', '"faulty"\ndoes = "nan"'), code=3)
    assert "stage A: fault was never a number, so nothing is best" in output
    assert read(tmp_path, "status.json")["state"] == "stopped"


def test_a_bug_leaves_a_run_that_says_so_and_can_go_on(ddsp, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("ddspcore.train.runner.course_of", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError) as failure:
            ddsp(RECIPE)
    assert "the same command continues from it" in failure.value.__notes__[0]
    assert read(tmp_path, "status.json")["state"] == "failed"
    assert "continuing the unfinished run" in ddsp(RECIPE)


def test_a_run_that_a_plugin_broke_goes_on_once_it_is_mended(ddsp, tmp_path):
    assert "evaluator faulty raises ZeroDivisionError: oh" in ddsp(evaluated("raise"), code=2)
    assert read(tmp_path, "status.json")["state"] == "failed"
    (tmp_path / "faulty.py").write_text(FAULTY.replace("raise ZeroDivisionError", "print"))
    assert "continuing the unfinished run" in ddsp(evaluated("raise"))
    assert read(tmp_path, "status.json")["state"] == "finished"


def test_weights_that_are_no_numbers_are_never_saved(ddsp, tmp_path):
    output = ddsp(RECIPE.replace('"nll"', '"cusp"'), code=3)
    assert "stage A, step 6: weights are no finite numbers" in output
    last = load_tensors(tmp_path / "run" / "A" / "last.safetensors")
    assert all(tensor.isfinite().all() for tensor in last.values())
