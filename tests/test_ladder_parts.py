"""The rungs of the synthesiser's parts: what is known is recovered, as their gates ask."""

from pathlib import Path

import pytest

from ddspcore.cli import main

LADDER = Path(__file__).parents[1] / "recipes" / "ladder"


@pytest.mark.slow
@pytest.mark.parametrize("rung", ["r2_noise", "r5_room"])
def test_the_rung_passes_its_gates(rung, tmp_path):
    assert main(["run", str(LADDER / f"{rung}.toml"), "--run-dir", str(tmp_path / "run")]) == 0
