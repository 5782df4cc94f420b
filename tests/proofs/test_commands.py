"""The commands, with plugins that know no sound: of pictures, and of sequences without a synth."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

SHORT = ("--set", "stage.A.steps=6", "--set", "metric.every=2")
BETTER_BY = {"images": 3.0, "sequences": 8.0}


def metric_lines(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def tensors(run):
    return {str(f.relative_to(run)): f.read_bytes() for f in sorted(run.rglob("*.safetensors"))}


def test_it_is_proved_without_data(ddsp, proof, golden):
    outcome = ddsp("check", proof.recipe, *proof.plugin)
    assert outcome.code == 0, outcome.err
    golden(f"check-{proof.name}", outcome.out)


def test_it_trains(proof, trained):
    summary = json.loads((trained / "summary.json").read_text())
    found = summary["metric"]
    first = next(line for line in metric_lines(trained) if line["kind"] == "metric")[found["name"]]
    gain = found["value"] - first if found["direction"] == "higher" else first - found["value"]
    assert gain > BETTER_BY[proof.name]
    assert found["split"] == "val"
    assert "audio" not in json.dumps(summary)
    assert "warning" not in (trained / "log.txt").read_text()


def test_a_mixture_tells_left_from_right(proof, trained):
    """One Gaussian along the two places would leave 0.5 nat, and a round one 2.2."""
    if proof.name != "sequences":
        pytest.skip("about sequences")
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["metric"]["value"] < 0.3


def test_it_is_measured_again(ddsp, proof, short):
    outcome = ddsp("eval", short, "--json", "--out", short.parent / "eval", *proof.plugin)
    assert outcome.code == 0, outcome.err
    summary = json.loads((short / "summary.json").read_text())
    assert json.loads(outcome.out)["evaluation"] == summary["evaluation"]
    assert "held out" in ddsp("eval", short, *proof.plugin).out


def test_it_cannot_be_played(ddsp, proof, short, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(8000), 8000)
    why = f"error: {short}: its recipe has no [audio], so it cannot play a recording\n"
    for words in ((tmp_path / "in.wav", tmp_path / "out.wav"), ("--split", "val")):
        outcome = ddsp("render", short, *words, *proof.plugin)
        assert (outcome.code, outcome.err) == (1, why)


def test_it_is_rehearsed(ddsp, proof, tmp_path):
    report = tmp_path / "report.json"
    outcome = ddsp("run", proof.recipe, *proof.plugin, "--dry-run", 2, "--out", report)
    assert outcome.code == 0, outcome.err
    found = json.loads(report.read_text())
    assert found["stages"][0]["steps"] == 2
    assert found["items"]["val"] == 8


def test_it_is_profiled(ddsp, proof, tmp_path):
    folder = tmp_path / "profile"
    outcome = ddsp("run", proof.recipe, *proof.plugin, "--profile", 2, "--profile-dir", folder)
    assert outcome.code == 0, outcome.err
    parts = [part["name"] for part in json.loads((folder / "profile.json").read_text())["parts"]]
    assert {"backbone", "data", "optimiser"} <= set(parts)


def test_gradients_are_probed(ddsp, proof, short, tmp_path):
    outcome = ddsp("probe", "gradients", short, "--out", tmp_path, *proof.plugin)
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "gradients.png").is_file()


def test_resolved_toml_names_the_plugin_and_repeats_the_run(ddsp, proof, short, tmp_path):
    text = (short / "resolved.toml").read_text()
    assert f'use = "{proof.name}:' in text
    assert "[audio]" not in text
    again = ddsp("run", short / "resolved.toml", "--run-dir", tmp_path / "again", *proof.plugin)
    assert again.code == 0, again.err
    assert tensors(tmp_path / "again") == tensors(short)


@pytest.mark.slow
def test_a_killed_run_continues_bit_for_bit(ddsp, proof, short, tmp_path):
    folder = tmp_path / "killed"
    words = [str(proof.recipe), "--run-dir", str(folder), *proof.plugin, *SHORT]
    command = [sys.executable, "-m", "ddspcore.cli", "run", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while process.poll() is None:
        if (folder / "A" / "state.json").is_file():
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.001)
    process.communicate()
    assert ddsp("run", *words).code == 0
    assert tensors(folder) == tensors(short)
    assert metric_lines(folder) == metric_lines(short)


def test_a_plugin_that_is_not_given_is_asked_for(ddsp, proof, short, golden):
    outcome = ddsp("eval", short)
    assert outcome.code == 1
    told = outcome.err.replace(str(short), "RUN")
    told = re.sub(r"was \S+ \(\w+\)", "was FILE (HASH)", told)
    # The places depend on how many other plugins are installed, and on what every recipe says.
    golden(
        f"missing-{proof.name}", re.sub(r"(provenance|resolved).toml:\d+", r"\1.toml:LINE", told)
    )


def test_one_recipe_can_take_items_of_another_length(ddsp, proof, tmp_path):
    """The dry run asks the source how long its items are."""
    option = {"images": "data.side=32", "sequences": "data.steps=7"}[proof.name]
    sets = ("--set", option, "--set", "stage.A.steps=1")
    outcome = ddsp("run", proof.recipe, *proof.plugin, *sets, "--run-dir", tmp_path / "run")
    assert outcome.code == 0, outcome.err
