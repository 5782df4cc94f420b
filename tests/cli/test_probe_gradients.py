"""`ddsp probe gradients` on a tiny real run, on its checkpoints, and on what is no run."""

import json
import re
from pathlib import Path

import pytest


def test_a_run_is_probed_where_it_ended(ddsp, trained, tmp_path):
    done = ddsp("probe", "gradients", trained, "--device", "cpu", "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("run, A:best (step ")
    assert re.search(r"; items \d+, \d+, on cpu$", lines[0])
    assert lines[2].split() == ["loss", "value", "weight", "norm", "weighted", "share"]
    assert lines[3].split()[0] == "mrstft"
    assert lines[3].endswith("100 %")
    modules = [line.split()[0] for line in lines[6:] if line]
    assert modules[:2] == ["everything", "backbone"]
    assert {"head.harmonic", "head.harmonic.amplitude", "head.noise.magnitudes"} <= set(modules)
    assert (tmp_path / "gradients.png").stat().st_size > 20_000
    assert json.loads((tmp_path / "gradients.json").read_text())["losses"][0]["name"] == "mrstft"


def test_spectra_against_the_waveform(ddsp, trained, tmp_path):
    words = ("--losses", "mrstft,waveform-mse", "--json", "--device", "cpu", "--out", tmp_path)
    done = ddsp("probe", "gradients", trained / "A/last.safetensors", *words)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found == json.loads((tmp_path / "gradients.json").read_text())
    assert found["checkpoint"] == str(trained / "A/last.safetensors")
    assert [loss["name"] for loss in found["losses"]] == ["mrstft", "waveform-mse"]
    whole = found["modules"][0]
    assert whole["name"] == "everything"
    assert sum(whole["share_among_losses"].values()) == pytest.approx(1)
    assert -1 <= whole["cosine"]["mrstft"]["waveform-mse"] <= 1
    assert whole["cosine"]["mrstft"]["mrstft"] == pytest.approx(1)
    parts = [m["share_of_gradient"]["waveform-mse"] for m in found["modules"] if m["depth"] == 1]
    assert sum(parts) == pytest.approx(1)


def test_a_recipe_is_probed_untrained(ddsp, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = trained.with_name("tiny.toml")
    done = ddsp("probe", "gradients", recipe, "--set", "stage.A.batch=3", "--device", "cpu")
    assert done.code == 0, done.err
    assert done.out.startswith("untrained; stage A, step 0; items ")
    assert (tmp_path / "probe/gradients.png").is_file()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such-loss", ("--losses", "mrstft,waveform-mes,loudnes-db")),
        ("no-such-stage", ("--stage", "B")),
        ("no-such-weights", ("A/step-00000100.safetensors",)),
        ("no-run", ("..",)),
        ("no-such-recipe", ("best_low_los",)),
    ],
)
def test_what_is_not_there_is_said(ddsp, trained, monkeypatch, golden, name, words):
    monkeypatch.chdir(trained)
    target = () if not words[0].startswith("--") else (".",)
    done = ddsp("probe", "gradients", *target, *words, "--device", "cpu")
    assert (done.code, done.out) == (1, "")
    golden(f"probe-{name}", done.err)


def test_a_loss_on_controls_that_there_are_not_is_said(ddsp, trained, golden):
    plugin = ("--plugin", Path(__file__).parents[1] / "probing/toy_pull.py")
    done = ddsp("probe", "gradients", trained, "--losses", "mrstft,along", *plugin)
    assert (done.code, done.out) == (1, "")
    golden("probe-no-such-control", done.err)
