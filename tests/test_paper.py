"""The DDSP paper's model, as the recipe `paper` has it."""

from pathlib import Path

import pytest

from ddspcore.assemble import build_pipeline, declare
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.structuring import structure

PAPER = Path(__file__).parents[1] / "recipes" / "paper.toml"
RATES = (16_000, 44_100, 48_000)


def test_the_decoder_has_as_many_parameters_as_the_published_one():
    """4,801,150 with 60 harmonics, counts magenta's log of `RnnFcDecoder` (magenta/ddsp#509)."""
    recipe = structure(read(PAPER, ["head.harmonic.partials=60"]), Catalog(discover()))
    pipeline, _ = build_pipeline(recipe, declare(recipe))
    room = 3 * 16_000 - 1
    assert sum(each.numel() for each in pipeline.parameters()) - room == 4_801_150


@pytest.mark.parametrize("rate", RATES)
def test_it_passes_check_at_every_rate(ddsp, rate):
    outcome = ddsp("check", PAPER, "--set", f"audio.sample_rate={rate}")
    assert outcome.code == 0, outcome.err
    assert "proved by a dry run" in outcome.out


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_it_takes_steps_at_every_rate(ddsp, rate):
    sets = (f"--set={each}" for each in (f"audio.sample_rate={rate}", "stage.A.batch=1"))
    outcome = ddsp("run", PAPER, "--dry-run", "2", *sets)
    assert outcome.code == 0, outcome.err
