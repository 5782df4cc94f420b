"""`--set path=value` reaches every value by names."""

import pytest


@pytest.mark.parametrize(
    ("argument", "path", "value"),
    [
        ("title=Violin, slow", ("title",), "Violin, slow"),
        ("title=", ("title",), ""),
        ("title=a=b", ("title",), "a=b"),
        ("title=3 apples", ("title",), "3 apples"),
        ('title="3"', ("title",), "3"),
        ("seed = 7", ("seed",), 7),
        ("device=cpu", ("device",), "cpu"),
        ("audio.sample_rate=48_000", ("audio", "sample_rate"), 48_000),
        ("audio.hop=300", ("audio", "hop"), 300),
        ("backbone.causal=false", ("backbone", "options", "causal"), False),
        ("optimiser.betas=[0.5, 0.9]", ("optimiser", "betas"), (0.5, 0.9)),
        ("feature.f0.f0_max=500", ("features", 0, "options", "f0_max"), 500.0),
        ("head.harmonic.partials=9", ("heads", 0, "options", "partials"), 9),
        ("stage.B.steps=1", ("stages", 1, "steps"), 1),
        ("stage.B.lr=1e-9", ("stages", 1, "lr", "value", "value"), 1e-9),
        ("stage.A.lr.floor=0", ("stages", 0, "lr", "value", "floor"), 0.0),
        (
            "stage.A.loss.mrstft.sharpness=2",
            ("stages", 0, "losses", 0, "options", "sharpness", "value", "value"),
            2.0,
        ),
        (
            "stage.\"A\".loss.'mrstft'.windows=[1]",
            ("stages", 0, "losses", 0, "options", "windows"),
            (1.0,),
        ),
        ("stage.A.freeze=['head']", ("stages", 0, "freeze"), ("head",)),
        ("metric.key=mss_log", ("metric", "key"), "mss_log"),
        (
            "stage.A.loss.loudness-db.weight=0.1",
            ("stages", 0, "losses", 1, "weight", "value", "value"),
            0.1,
        ),
        ("evaluator={use='mss'}", ("evaluators", 0, "name"), "mss"),
        ("head=[]", ("heads",), ()),
    ],
)
def test_a_value_is_set(desk, argument, path, value):
    found = desk.recipe(None, argument)
    for step in path:
        found = found[step] if isinstance(step, int) else getattr(found, step)
    assert found == value


def test_a_name_may_contain_dots(desk):
    text = desk.changed(('use = "mrstft"', 'use = "mss.v2"'))
    recipe = desk.recipe(text, "stage.A.loss.mss.v2.weight=3")
    assert recipe.stages[0].losses[0].weight.value(0, 1) == 3.0


def test_a_changed_use_drops_options_but_not_other_settings(desk):
    recipe = desk.recipe(None, "backbone.width=8", "backbone.use=gru")
    assert (recipe.backbone.component.name, recipe.backbone.options.width) == ("gru", 8)


def test_a_changed_use_keeps_the_name_it_was_addressed_by(desk):
    recipe = desk.recipe(None, "stage.B.loss.mrstft.use=mss.v2", "stage.B.loss.mrstft.weight=2")
    [use] = recipe.stages[1].losses
    assert (use.name, use.component.name, use.weight.value(0, 1)) == ("mrstft", "mss.v2", 2.0)


def test_the_last_setting_wins(desk):
    assert desk.recipe(None, "seed=1", "seed=2").seed == 2


def test_settings_override_a_parent_too(desk):
    recipe = desk.recipe('extends = "base.toml"', "stage.A.steps=3", base=desk.good)
    assert recipe.stages[0].steps == 3


def test_a_table_may_be_new(desk):
    recipe = desk.recipe(None, "optimiser.kind=adamw", "evaluator=[{ use = 'mss' }]")
    assert recipe.optimiser.kind == "adamw"
    assert [use.name for use in recipe.evaluators] == ["mss"]


def test_what_is_wrong_with_a_table_is_found_in_its_file(desk):
    text = desk.changed(("steps = 500\n", ""))
    [problem] = desk.problems(text, "stage.A.batch=1")
    assert str(problem.origin).startswith("recipe.toml:19:")


def test_line_breaks_do_not_smuggle_in_keys(desk):
    assert desk.recipe(None, "title=1\nseed = 9").seed == 1
