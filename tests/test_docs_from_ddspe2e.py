"""docs/from-ddspe2e.md: every command and flag of that system has a row, and every example runs."""

import shlex
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import frozen
from markdown_it import MarkdownIt

from ddspcore.catalog import Catalog
from ddspcore.cli import main
from ddspcore.gates import check_recipe
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure
from tests.desk import furnish, working_in

PAGE = Path(__file__).parents[1] / "docs" / "from-ddspe2e.md"

COMMANDS = """
    dump-config preprocess inspect-cache train probe-smoothing render-checkpoint-batch help
    plot_controls.py analyze_smoothing_probe.py run_best_low_loss_abc.sh
"""
CONFIGURATION = """
    sample-rate chunk-size chunk-hop frame-size frame-hop min-f0 max-f0 silence-rms voiced-threshold
    normalize-to train-split shuffle fixed-batch seed max-files max-chunks-per-file model-hidden
    model-layers decoder-backbone transformer-d-model transformer-layers transformer-ff-multiplier
    transformer-causal transformer-positional-encoding harmonics harmonic-head-mode
    control-smoothing normalized-harmonic-head softmax-temp softmax-temp-end
    softmax-temp-warmup-steps softmax-temp-ramp-steps softmax-amp-floor softmax-gain-min-db
    softmax-gain-max-db harmonic-entropy-weight harmonic-entropy-weight-end
    harmonic-entropy-warmup-steps harmonic-entropy-ramp-steps harmonic-concentration-weight
    harmonic-concentration-weight-end harmonic-concentration-warmup-steps
    harmonic-concentration-ramp-steps noise-filter noise-filter-size lr lr-schedule lr-min
    lr-half-life lr-warmup-steps batch-size grad-accum-steps grad-clip clip-mode
    normalize-grad-by-frames early-stop-patience early-stop-min-delta spectral-windows
    spectral-weight spectral-logmag-weight spectral-loss-mode spectral-hop-divisor
    spectral-warmup-steps spectral-ramp-steps spectral-log-epsilon loudness-weight
    loudness-weight-end loudness-warmup-steps loudness-ramp-steps loudness-loss-mode
    noise-dominance-weight noise-dominance-target-ratio mse-weight log-every checkpoint-every
"""
OF_COMMANDS = """
    input cache config output split limit runs-dir run-name steps mode init-checkpoint kernel-dump
    dump-controls-every render-every render-wav profile-step best-metric best-eval-every index
    max-frames auto-abc auto-abc-preset auto-abc-steps-a auto-abc-steps-b auto-abc-steps-c
    auto-abc-patience-a auto-abc-patience-b auto-abc-patience-c auto-abc-min-delta
"""
MODEL = ("feature", "backbone", "head", "synth")
FLAGS = {f"--{name}" for name in (CONFIGURATION + OF_COMMANDS).split()}


@frozen
class Row:
    """What it is there, in backticks, and the examples of what it is here."""

    there: tuple[str, ...]
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return self.there[0]


def codes(token):
    return tuple(child.content for child in token.children if child.type == "code_inline")


def rows():
    tokens = MarkdownIt().enable("table").parse(PAGE.read_text(encoding="utf-8"))
    cells = []
    for token, following in pairwise(tokens):
        if token.type == "tr_open":
            cells = []
        elif token.type == "td_open":
            cells.append(following)
        elif token.type == "tr_close" and cells:
            yield Row(codes(cells[0]), codes(cells[-1]))


ROWS = list(rows())
SETTINGS = [row for row in ROWS if row.examples[0].startswith("--set ")]
LINES = [row for row in ROWS if row.examples[0].startswith("ddsp ")]


def test_every_command_and_flag_has_its_row():
    there = [name for row in ROWS for name in row.there]
    assert len(there) == len(set(there))
    assert set(there) == {*COMMANDS.split()} | FLAGS


def test_every_row_has_an_example():
    assert all(len(row.examples) == 1 for row in ROWS)
    assert len(SETTINGS) + len(LINES) == len(ROWS)


@pytest.fixture(scope="module")
def catalog():
    return Catalog(discover())


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Return a folder with a recipe, two recordings and a run: what the page presupposes."""
    with working_in(furnish(tmp_path_factory.mktemp("desk"))) as folder:
        yield folder


@pytest.mark.parametrize("row", SETTINGS, ids=str)
def test_a_setting_is_accepted(desk, catalog, row):
    """What changes the model or a loss runs once on the meta device; the rest is read strictly."""
    words = shlex.split(row.examples[0])
    assert set(words[::2]) == {"--set"}
    sets = words[1::2]
    recipe = structure(read(resolve_recipe("best_low_loss"), sets), catalog)
    if any(each.startswith(MODEL) or ".loss" in each for each in sets):
        check_recipe(recipe)


def test_without_a_noise_filter_there_is_no_noise(catalog):
    row = next(row for row in SETTINGS if row.there == ("--noise-filter",))
    sets = shlex.split(row.examples[0])[1::2]
    recipe = structure(read(resolve_recipe("best_low_loss"), sets), catalog)
    assert [use.name for use in (*recipe.heads, *recipe.synths)] == ["harmonic", "harmonic"]


@pytest.mark.parametrize("row", LINES, ids=str)
def test_a_line_runs(desk, capsys, row):
    program, *words = shlex.split(row.examples[0])
    assert program == "ddsp"
    if words[0] == "run" and words[1] not in ("my.toml", "--help"):
        words[0] = "check"  # minutes of training
    assert main(words) == 0, capsys.readouterr().err


def test_the_probe_of_gradients_in_the_text_runs(desk, capsys):
    line = "probe gradients runs/mine --losses mrstft,waveform-mse"
    assert f"`ddsp {line}`" in PAGE.read_text()
    assert main(shlex.split(line)) == 0, capsys.readouterr().err


def test_the_guards_in_the_text_are_accepted(catalog):
    setting = "guards={max_skipped=10,max_loss=1e6}"
    assert f"`--set {setting}`" in PAGE.read_text()
    recipe = structure(read(resolve_recipe("best_low_loss"), [setting]), catalog)
    assert (recipe.guards.max_skipped, recipe.guards.max_loss) == (10, 1e6)
