"""One tree from a recipe, what it extends, and `--set`; every value remembers its place."""

import os
from pathlib import Path

import pytest

from ddspcore.recipe.problems import RecipeError
from ddspcore.recipe.reading import read
from ddspcore.recipe.resolving import origins_table, to_toml


def stage(recipe, name):
    return next(stage for stage in recipe.stages if stage.name == name)


def loss(stage, name):
    return next(loss for loss in stage.losses if loss.name == name)


def test_a_child_overrides_by_key_and_by_name(desk):
    child = """
        extends = "base.toml"
        backbone = { layers = 4 }
        [[stage]]
        name = "B"
        steps = 20
        [[stage.loss]]
        use = "mrstft"
        sharpness = 2.0
        [[stage.loss]]
        use = "mss.v2"
        [[stage]]
        name = "C"
        steps = 1
        lr = 0.0
        loss = [{ use = "mss.v2" }]
    """
    recipe = desk.recipe(child, base=desk.good)
    assert (recipe.title, recipe.backbone.options.layers, recipe.backbone.options.width) == (
        "Good",
        4,
        64,
    )
    assert [s.name for s in recipe.stages] == ["A", "B", "C"]
    assert [stage(recipe, "A").steps, stage(recipe, "B").steps] == [500, 20]
    assert [use.name for use in stage(recipe, "B").losses] == ["mrstft", "mss.v2"]
    assert loss(stage(recipe, "B"), "mrstft").options.sharpness.value(0, 1) == 2.0
    assert stage(recipe, "C").init == "B:best"


def test_a_changed_use_drops_the_options_of_the_other(desk):
    recipe = desk.recipe('extends = "base.toml"\nbackbone.use = "gru"', base=desk.good)
    assert recipe.backbone.options.width == 512
    recipe = desk.recipe(
        'extends = "base.toml"\n[[stage]]\nname="A"\nlr = { use = "piecewise", points = [[0, 1]] }',
        base=desk.good,
    )
    assert stage(recipe, "A").lr.component.name == "piecewise"


def test_a_changed_use_keeps_what_the_recipe_says_of_the_place(desk):
    base = desk.changed(('use = "mrstft"', 'use = "mrstft"\nname = "spectra"\nweight = 0.5'))
    child = 'extends = "base.toml"\n[[stage]]\nname="A"\nloss = { name = "spectra", use = "odd" }'
    kept = loss(stage(desk.recipe(child, base=base), "A"), "spectra")
    assert kept.component.name == "odd"
    assert kept.weight.value(0, 1) == 0.5


def test_a_use_that_is_repeated_keeps_the_options(desk):
    child = 'extends = "base.toml"\nbackbone = { use = "transformer", causal = false }'
    recipe = desk.recipe(child, base=desk.changed(("layers = 2", "layers = 7")))
    assert (recipe.backbone.options.layers, recipe.backbone.options.causal) == (7, False)


def test_a_schedule_and_a_number_replace_each_other(desk):
    child = 'extends = "base.toml"\n[[stage]]\nname="A"\nlr = 1\n'
    assert stage(desk.recipe(child, base=desk.good), "A").lr.value(3, 9) == 1.0
    child = 'extends = "base.toml"\n[[stage]]\nname="B"\nlr = { use="piecewise", points=[[0,2]] }'
    assert stage(desk.recipe(child, base=desk.good), "B").lr.value(0, 1) == 2.0


def test_an_empty_array_clears_the_parents(desk):
    child = 'extends = "base.toml"\nhead = []\nsynth = []'
    recipe = desk.recipe(child, base=desk.good)
    assert recipe.heads == recipe.synths == ()
    assert len(recipe.features) == 2


def test_one_table_is_an_array_of_one(desk):
    base = desk.changed(
        ('synth    = [{ use = "harmonic" }, ', 'synth    = [{ use = "harmonic" } ]#')
    )
    child = 'extends = "base.toml"\nsynth = { use = "noise" }\nstage.name="B"\nstage.steps=3'
    recipe = desk.recipe(child, base=base)
    assert [use.name for use in recipe.synths] == ["harmonic", "noise"]
    assert stage(recipe, "B").steps == 3


def test_doubles_of_a_child_are_not_merged_away(desk):
    child = 'extends = "base.toml"\n[[stage]]\nname="B"\nsteps=1\n[[stage]]\nname="B"\nsteps=2'
    messages = [problem.message for problem in desk.problems(child, base=desk.good)]
    assert 'stage "B" is there twice' in messages


def test_paths_are_relative_to_the_file_that_wrote_them(desk):
    base = desk.folder / "base"
    (base / "deep").mkdir(parents=True)
    (base / "base.toml").write_text(desk.good)
    (base / "deep" / "middle.toml").write_text('extends = "../base.toml"\n')
    recipe = desk.recipe('extends = "base/deep/middle.toml"')
    assert recipe.data.options.root == base / "audio" / "violin"
    recipe = desk.recipe('extends = "base/deep/middle.toml"\ndata.root = "../x"')
    assert recipe.data.options.root == desk.folder.parent / "x"
    recipe = desk.recipe('extends = "base/deep/middle.toml"', "data.root=y z")
    assert recipe.data.options.root == desk.folder / "y z"
    recipe = desk.recipe(desk.good, "data.root=~/audio")
    assert recipe.data.options.root == Path("~/audio").expanduser()


def test_sources_are_the_file_itself_and_then_what_it_extends(desk):
    desk.write(a='extends = "b.toml"', b='extends = "c.toml"', c="")
    assert read(Path("a.toml")).sources == tuple(desk.folder / f"{name}.toml" for name in "abc")


def test_a_circle_through_a_link_ends(desk):
    os.symlink(".", "sub")
    desk.write(a='extends = "sub/a.toml"')
    with pytest.raises(RecipeError, match="in a circle"):
        read(Path("a.toml"))


def test_line_ends_and_a_byte_order_mark_change_nothing(desk):
    unix = desk.recipe()
    Path("windows.toml").write_bytes(b"\xef\xbb\xbf" + desk.good.replace("\n", "\r\n").encode())
    windows = read(Path("windows.toml"))
    assert origins_table(windows)[0] == ("title", '"Good"', "windows.toml:1:12")
    places = [place.partition(":")[2] for _, _, place in origins_table(windows)]
    assert places == [
        place.partition(":")[2] for _, _, place in origins_table(read(Path("recipe.toml")))
    ]
    assert to_toml(unix)


def test_origins_name_every_leaf_and_its_place(desk):
    desk.write(base=desk.good, recipe='extends = "base.toml"\n[[stage]]\nname = "B"\nsteps = 3')
    document = read(Path("recipe.toml"), ["stage.A.loss.loudness-db.weight=0.1", "audio.hop=128"])
    rows = {path: (value, place) for path, value, place in origins_table(document)}
    assert rows["stage.B.steps"] == ("3", "recipe.toml:4:9")
    assert rows["stage.B.lr"] == ("0.0001", "base.toml:34:9")
    assert rows["head.noise.bands"] == ("65", "base.toml:5:75")
    assert rows["stage.A.lr.floor"] == ("0.0001", "base.toml:22:71")
    assert rows["audio.hop"] == ("128", "--set audio.hop=128")
    assert rows["stage.A.loss.loudness-db.weight"][1].startswith("--set stage.A")


def test_a_parent_may_be_a_plugins_recipe(desk, monkeypatch):
    shelf = desk.folder / "shelf"
    shelf.mkdir()
    (shelf / "gentle.toml").write_text(desk.good)
    monkeypatch.setattr(
        "ddspcore.recipe.reading.find_shipped", lambda text, at: shelf / "gentle.toml"
    )
    recipe = desk.recipe('extends = "melshape:gentle"\nseed = 3')
    assert (recipe.seed, recipe.title) == (3, "Good")
    assert recipe.data.options.root == shelf / "audio" / "violin"
