"""`[each]`: which recipes a series stands for, and how it is written back."""

from pathlib import Path

import pytest

from ddspcore.recipe.problems import RecipeError
from ddspcore.recipe.reading import read
from ddspcore.recipe.relocating import relocate
from ddspcore.recipe.resolving import canonical, to_toml
from ddspcore.recipe.series import MOST_RUNS, members
from ddspcore.recipe.structuring import structure

EACH = """
[each]
"data.root" = ["violin.flac", "horns/horn.ogg"]
"stage.A.loss.loudness-db.weight" = [0.0, 0.1]
"""


@pytest.fixture
def series(desk):
    """Return a function that structures every member of the good recipe with `[each]`."""

    def structured(each=EACH, *sets):
        desk.write(recipe=desk.good + each)
        found = members(read(Path("recipe.toml"), sets))
        return {member.label: structure(member.document, desk.catalog) for member in found}

    return structured


def test_a_recipe_without_each_is_a_series_of_itself(desk):
    desk.write(recipe=desk.good)
    document = read(Path("recipe.toml"))
    (member,) = members(document)
    assert member.document == document
    assert member.label == ""


def test_every_combination_is_a_recipe(desk, series):
    found = series()
    assert list(found) == ["violin-0.0", "violin-0.1", "horn-0.0", "horn-0.1"]
    horn = found["horn-0.1"]
    assert horn.data.options.root == desk.folder / "horns" / "horn.ogg"
    assert horn.stages[0].losses[1].weight.value.value == 0.1
    assert not horn.each


def test_keys_may_be_dotted(series):
    assert series('\n[each]\n"data.root" = ["a.wav"]\nseed = [1, 2]') == series(
        '\n[each]\ndata.root = ["a.wav"]\nseed = [1, 2]'
    )


def test_values_with_one_short_name_are_spelt_out(series):
    assert list(series('\n[each]\n"data.root" = ["a/x.wav", "b/x.wav"]')) == ["a/x.wav", "b/x.wav"]


def test_a_table_goes_by_its_use_and_drops_the_options_of_another(series):
    found = series('\n[each]\nbackbone = [{ use = "gru" }, { use = "transformer", layers = 3 }]')
    assert list(found) == ["gru", "transformer"]
    assert found["gru"].backbone.options.width == 512
    assert (found["transformer"].backbone.options.layers,) == (3,)


def test_a_child_replaces_the_values_of_a_key_and_keeps_the_others(desk):
    desk.write(base=desk.good + EACH)
    desk.write(recipe='extends = "base.toml"\n[each]\n"data.root" = ["cello.wav"]')
    labels = [member.label for member in members(read(Path("recipe.toml")))]
    assert labels == ["cello-0.0", "cello-0.1"]


def test_values_can_be_set(series):
    assert list(series("", 'each."data.root"=["a.wav", "b.wav"]')) == ["a", "b"]


def test_a_series_says_itself_again(desk):
    recipe = desk.recipe(desk.good + EACH)
    assert recipe.each["data.root"] == (
        desk.folder / "violin.flac",
        desk.folder / "horns" / "horn.ogg",
    )
    for commented in (False, True):
        folder = desk.folder / "elsewhere"
        folder.mkdir(exist_ok=True)
        again = folder / "resolved.toml"
        again.write_text(to_toml(recipe, commented=commented))
        assert structure(read(again), desk.catalog) == recipe
        assert [m.label for m in members(read(again))][:2] == ["violin-0.0", "violin-0.1"]


def test_a_copy_finds_the_same_files(desk):
    desk.write(recipe=desk.good + EACH)
    before = [structure(m.document, desk.catalog) for m in members(read(Path("recipe.toml")))]
    elsewhere = desk.folder / "far" / "away"
    elsewhere.mkdir(parents=True)
    (elsewhere / "copy.toml").write_text(relocate(Path("recipe.toml"), desk.catalog))
    after = [structure(m.document, desk.catalog) for m in members(read(elsewhere / "copy.toml"))]
    assert after == before


def test_gates_and_each_do_not_change_the_key(desk):
    plain = desk.recipe()
    measured = '\n[[evaluator]]\nuse = "mss"\n'
    gated = desk.recipe(desk.good + measured + '[[gate]]\nmetric = "mss"\nat_most = 1')
    assert canonical(gated) == canonical(desk.recipe(desk.good + measured))
    assert canonical(desk.recipe(desk.good + "\n[each]\nseed = [1, 5]")) == canonical(plain)


def test_gates_are_told_apart_by_what_they_ask(desk):
    base = (
        desk.good
        + """
[[evaluator]]
use = "mss"
[[gate]]
metric = "mss"
at_most = 5
[[gate]]
metric = "mss"
at_most = 3
over = "median"
"""
    )
    child = 'extends = "base.toml"\n[[gate]]\nmetric = "mss"\nat_most = 6'
    recipe = desk.recipe(child, "gate.mss.median.at_most=4", base=base)
    assert [(gate.at_most, gate.over) for gate in recipe.gates] == [(6, "every"), (4, "median")]


@pytest.mark.parametrize("metric", ["share/noise", "mss", "mss_log", "mss/mss", "course.fall"])
def test_a_gate_asks_for_what_is_measured(desk, metric):
    measured = '\nevaluator = [{ use = "mss" }, { use = "share" }]\n'
    text = desk.changed(
        ("[audio]", f'{measured}[[gate]]\nmetric = "{metric}"\nat_most = 1\n[audio]')
    )
    assert desk.recipe(text).gates[0].metric == metric


def test_a_product_is_counted_before_it_is_made(desk):
    axes = "".join(f'"{key}" = {list(range(1, 1000))}\n' for key in ("seed", "stage.A.steps"))
    desk.write(recipe=f"{desk.good}\n[each]\n{axes}")
    with pytest.raises(RecipeError, match=f"at most {MOST_RUNS} runs"):
        members(read(Path("recipe.toml")))
