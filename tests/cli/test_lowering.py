"""`ddsp run --dump-kernels`: what runs for a pipeline is there to read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ddspcore.kernels.backends import choose, found_in

TOY = Path(__file__).parents[1] / "train" / "toy.py"
KERNELS = Path(__file__).parents[1] / "kernels"
RECIPE = """
feature  = [{{ use = "f0" }}, {{ use = "loudness" }}]
backbone = {{ use = "mlp", width = 8, layers = 1 }}
head     = [{{ use = "harmonic", partials = 8 }}, {{ use = "noise", bands = 9 }}]
synth    = [{{ use = "harmonic" }}, {{ use = "noise" }}]
audio    = {{ sample_rate = 8000 }}
data     = {{ use = "wav-folder", root = {root} }}
metric   = {{ use = "mss" }}
[[stage]]
name  = "A"
steps = 3
batch = 2
lr    = 1e-3
  [[stage.loss]]
  use = "mrstft"
"""
WALKS = """
data = { use = "walks" }
metric = { use = "miss" }
backbone = { use = "linear" }
head = [{ use = "gaussian" }]
[[stage]]
name = "A"
steps = 1
lr = 0.1
loss = { use = "nll" }
"""


@pytest.fixture
def recipe(tmp_path, tone_file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipe.toml").write_text(RECIPE.format(root=json.dumps(str(tone_file))))
    return "recipe.toml"


@pytest.fixture
def walks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("walks.toml").write_text(WALKS)
    return "walks.toml"


def test_the_graph_and_what_answers_are_written(ddsp, recipe):
    outcome = ddsp("run", recipe, "--dump-kernels", "dump", "--device", "cpu")
    assert (outcome.code, outcome.err) == (0, "")
    assert {path.name for path in Path("dump").iterdir()} == {"network.txt", "kernels.json"}
    graph = Path("dump/network.txt").read_text()
    assert "torch.ops.aten." in graph
    assert "p_pipeline_head_noise_magnitudes_weight" in graph
    found = json.loads(Path("dump/kernels.json").read_text())
    assert (found["kind"], found["version"]) == (choose("cpu").kind, choose("cpu").detail)
    for place in found["functions"].values():
        file, _, line = place.rpartition(":")
        assert "def " in "".join(Path(file).read_text().splitlines()[int(line) - 1 : int(line) + 2])
    assert not Path("runs").exists()


def test_the_reference_has_no_library(monkeypatch):
    monkeypatch.setenv("DDSP_KERNELS", "reference")
    functions, library = found_in("cpu")
    assert library is None
    assert {Path(place).parent.name for place in functions.values()} == {"dsp"}


def test_a_network_that_cannot_be_exported_is_said_so(ddsp, walks, monkeypatch):
    from ddspcore.train import lowering

    def refuse(*_):
        raise ValueError("no graph can say this\nat all")

    monkeypatch.setattr(lowering.torch.export, "export", refuse)
    outcome = ddsp("run", walks, "--plugin", TOY, "--dump-kernels", "dump")
    assert outcome.code == 0, outcome.err
    assert "the network cannot be exported: no graph can say this" in outcome.out.splitlines()


@pytest.mark.slow
def test_a_compiled_network_has_its_generated_code(ddsp, walks):
    outcome = ddsp(
        *("run", walks, "--plugin", TOY, "--dump-kernels", "dump"),
        *("--device", "cpu", "--set", "compile=true"),
    )
    assert outcome.code == 0, outcome.err
    files = sorted(Path("dump/compiled").iterdir())
    assert [file.name for file in files] == ["0.py", "1.py"]  # forward and backward
    assert all("AOT ID" in file.read_text() for file in files)


DUMP = """
import sys
from pathlib import Path
from ddspcore.train.lowering import _dumping_triton
from lowering import PROGRAMS, lower
with _dumping_triton(Path(sys.argv[1])):
    lower(*PROGRAMS["sound_hop"], 80)
"""


@pytest.mark.slow
def test_every_form_of_a_triton_kernel_is_written(tmp_path):
    pytest.importorskip("triton")
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": str(KERNELS), "TRITON_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run(
        [sys.executable, "-c", DUMP, tmp_path / "dump"], check=True, env=environment
    )  # fmt: skip
    forms = {path.suffix for path in (tmp_path / "dump").rglob("*") if path.is_file()}
    assert {".ttir", ".ttgir", ".llir", ".ptx"} <= forms
