import json

import pytest


def test_it_finds_what_the_run_found(ddsp, trained) -> None:
    outcome = ddsp("eval", trained, "--json", "--device", "cpu")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    summary = json.loads((trained / "summary.json").read_text())
    assert found["checkpoint"] == str(trained / summary["best_checkpoint"])
    assert found["device"] == "cpu"
    assert set(found["evaluation"]) == {"train", "val"}
    for split, values in summary["evaluation"].items():
        assert found["evaluation"][split] == pytest.approx(values, rel=1e-6)


def test_it_prints_a_row_a_metric(ddsp, trained, tmp_path) -> None:
    outcome = ddsp("eval", trained, "--split", "val", "--out", tmp_path / "files")
    assert outcome.code == 0
    rows = [line.split()[0] for line in outcome.out.splitlines() if line]
    assert rows[1:5] == ["mss", "share/harmonic", "share/noise", "dgen-probe/0.001"]
    assert "held out" in outcome.out
    assert "where trained" not in outcome.out
    assert (tmp_path / "files/val/render/prediction.wav").is_file()


def test_a_folder_without_a_run_is_said(ddsp, tmp_path) -> None:
    outcome = ddsp("eval", tmp_path)
    assert outcome.code == 1
    assert "no run folder" in outcome.err
