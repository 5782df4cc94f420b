"""`ddsp doctor` says what a machine offers."""

import json
import platform
from importlib.metadata import version

import pytest
import torch


def test_the_report_for_programs(ddsp, monkeypatch, tmp_path):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path))
    outcome = ddsp("doctor", "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert found["versions"] == {
        "ddspcore": version("ddspcore"),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    assert found["cache"] == str(tmp_path)
    assert found["plugins"]["ok"] >= 1
    assert found["devices"][-1]["device"] == "cpu"


@pytest.mark.parametrize("wish", ["reference", "native", "fast"])
def test_it_says_which_kernels_answer_or_why_they_cannot(ddsp, monkeypatch, wish):
    monkeypatch.setenv("DDSP_KERNELS", wish)
    outcome = ddsp("doctor")
    if wish == "reference":
        assert outcome.code == 0
        assert "reference  plain torch: DDSP_KERNELS=reference" in outcome.out
    elif wish == "fast":
        assert outcome.code == 1
        assert outcome.err == (
            'error: DDSP_KERNELS is "fast"; it can be auto, reference or native\n'
        )
    else:
        said = outcome.out if outcome.code == 0 else outcome.err
        assert "ddsp-kernels-cpu" in said
