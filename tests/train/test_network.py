"""The network as training runs it: its precision, and how often it is compiled."""

from pathlib import Path

import pytest
import torch

from ddspcore.errors import UserError
from ddspcore.pipeline import Pipeline
from ddspcore.train import network

TOY = Path(__file__).with_name("toy.py")


@pytest.fixture
def graphs(monkeypatch):
    """Compile by running what was traced; return the graphs that were."""
    compiled = []

    def trace(graph, inputs):
        compiled.append(graph)
        return graph.forward

    torch.compiler.reset()
    monkeypatch.setattr(network, "BACKEND", trace)
    yield compiled
    torch.compiler.reset()


def test_nothing_is_compiled_again_as_schedules_move(learner, graphs):
    learner = learner(compiled=True)
    reach = learner.pipeline.head["gaussian"].reach
    seen = set()
    for step in range(20):
        learner.step(step)
        seen.add((learner.optimiser.param_groups[0]["lr"], float(reach)))
    assert len(graphs) == 1
    assert len(seen) == 20


def test_a_compiled_step_sees_the_schedule(learner, graphs):
    eager, compiled = learner(compiled=False), learner(compiled=True)
    for step in range(8):
        eager.step(step)
        compiled.step(step)
    assert len(graphs) == 1
    for name, value in eager.pipeline.state_dict().items():
        torch.testing.assert_close(compiled.pipeline.state_dict()[name], value)


def test_the_next_stage_runs_the_same_graph(learner, graphs):
    for _ in range(3):
        learner(compiled=True).step(0)
    assert len(graphs) == 1


def test_a_whole_run_compiles_one_graph(ddsp, recipe_text, graphs, tmp_path):
    """Two stages and the measurements between their steps; beside it, what tries the compiler."""
    recipe = tmp_path / "recipe.toml"
    second = '[[stage]]\nname = "B"\nsteps = 4\nbatch = 4\nlr = 1e-3\n[[stage.loss]]\nuse = "nll"\n'
    recipe.write_text(f"compile = true\n{recipe_text}{second}")
    arguments = ("--run-dir", tmp_path / "run", "--plugin", TOY, "--set", "metric.every=5")
    assert ddsp("run", recipe, *arguments).code == 0
    assert len(graphs) == 2


def test_compiling_renames_no_weight(learner, graphs):
    assert (
        learner(compiled=True).pipeline.state_dict().keys()
        == learner(compiled=False).pipeline.state_dict().keys()
    )


def dtypes(learner, run):
    """Return the types of what the backbone, the heads and the losses get while `run` runs."""
    found = {"backbone": [], "nll": []}
    learner.pipeline.backbone.layer.register_forward_hook(
        lambda module, inputs, output: found["backbone"].append(output.dtype)
    )
    learner.losses["nll"].register_forward_pre_hook(
        lambda module, _, named: found["nll"].extend(x.dtype for x in named["controls"].values()),
        with_kwargs=True,
    )
    run(learner)
    return {name: set(kinds) for name, kinds in found.items()}


def test_bfloat16_is_the_network_s_alone(learner):
    whole = "stage.A.loss.nll.weight=1"
    rough, exact = learner(whole, "precision=bfloat16"), learner(whole)
    half, full, items = torch.bfloat16, torch.float32, torch.int64
    assert dtypes(rough, lambda one: one.step(0)) == {"backbone": {half}, "nll": {full, items}}
    assert dtypes(exact, lambda one: one.step(0)) == {"backbone": {full}, "nll": {full, items}}
    for learnt, wanted in zip(rough.trained, exact.trained, strict=True):
        assert learnt.dtype == torch.float32
        torch.testing.assert_close(learnt, wanted, rtol=0, atol=0.03)
    assert not all(a.equal(b) for a, b in zip(rough.trained, exact.trained, strict=True))


def test_what_is_measured_is_measured_in_float32(learner):
    learner = learner("precision=bfloat16")
    assert dtypes(learner, lambda one: one.first_output())["backbone"] == {torch.float32}


def test_a_pipeline_is_its_two_halves(learner):
    learner = learner()
    batch = learner.feed.batch("train", [0, 1], 0)
    pipeline: Pipeline = learner.pipeline
    whole = pipeline(batch).controls
    halves = pipeline.synthesise(batch | pipeline.predict(batch)).controls
    assert whole.keys() == halves.keys()
    assert all(whole[name].equal(halves[name]) for name in whole)


CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("choice", "device", "fault", "wanted"),
    [
        (False, CUDA, "", (False, "")),
        ("auto", CPU, "", (False, "")),
        ("auto", CUDA, "", (True, "")),
        ("auto", CUDA, "no Triton", (False, "no Triton")),
        (True, CPU, "", (True, "")),
    ],
)
def test_when_a_network_is_compiled(monkeypatch, choice, device, fault, wanted):
    monkeypatch.setattr(network, "compiler_fault", lambda _: fault)
    assert network.wants_compiling(choice, device) == wanted


def test_a_machine_without_a_compiler(ddsp, recipe_text, monkeypatch, tmp_path):
    def refuse(graph, inputs):
        raise RuntimeError("No working C++ compiler found\nand much more")

    torch.compiler.reset()
    monkeypatch.setattr(network, "BACKEND", refuse)
    with pytest.raises(UserError, match="No working C\\+\\+ compiler found; install a compiler"):
        network.wants_compiling(True, CPU)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f"compile = true\n{recipe_text}")
    outcome = ddsp("run", recipe, "--run-dir", tmp_path / "r", "--plugin", TOY)
    assert outcome.code == 1
    assert outcome.err == (
        "error: compile = true, but nothing can be compiled for cpu here: "
        'No working C++ compiler found; install a compiler, or set compile to "auto" or false\n'
    )
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_the_real_compiler_agrees_with_the_network_itself(learner):
    if network.compiler_fault(CPU):
        pytest.skip(f"no compiler here: {network.compiler_fault(CPU)}")
    eager, compiled = learner(compiled=False), learner(compiled=True)
    for step in range(3):
        eager.step(step)
        compiled.step(step)
    for name, value in eager.pipeline.state_dict().items():
        torch.testing.assert_close(
            compiled.pipeline.state_dict()[name], value, rtol=1e-4, atol=1e-5
        )
