"""A document becomes a Recipe with every default filled, or a list of what is wrong."""

from pathlib import Path

import pytest

from ddspcore.recipe.schema import ScheduleUse, default_hop


def test_the_good_recipe(desk):
    recipe = desk.recipe()
    assert (recipe.title, recipe.seed, recipe.device) == ("Good", 1, "auto")
    assert [use.qualified for use in recipe.features] == ["core:f0", "core:loudness-db"]
    assert recipe.backbone.options.causal is True
    assert [use.name for use in recipe.heads] == ["harmonic", "noise"]
    assert recipe.synths[1].bind == {"noise_magnitudes": "noise"}
    assert recipe.audio.rates() == {"sample": 16000.0, "frame": 62.5}
    assert recipe.data.options.root == desk.folder / "audio" / "violin"
    assert (recipe.metric.every, recipe.metric.key) == (50, "mss")
    first, second = recipe.stages
    assert (first.init, second.init) == ("scratch", "A:best")
    assert first.lr.value(0, 500) == 2e-3
    assert first.losses[1].weight.value.points == ((0.0, 0.0), (40.0, 0.05))
    assert first.losses[0].origin.line == 25


def test_a_component_of_a_plugin_is_found_by_its_bare_name(desk):
    recipe = desk.recipe(desk.changed(('use = "mrstft"', 'use = "mel-shape"')))
    assert recipe.stages[0].losses[0].qualified == "extras:mel-shape"
    assert recipe.stages[0].losses[0].name == "mel-shape"


def test_a_qualified_name_is_no_part_of_the_label(desk):
    recipe = desk.recipe(desk.changed(('use = "f0"', 'use = "core:f0"')), "feature.f0.f0_min=60")
    assert (recipe.features[0].name, recipe.features[0].options.f0_min) == ("f0", 60.0)


def test_numbers_where_schedules_are_expected_are_constant(desk):
    losses = (
        desk.recipe(desk.changed(('use = "mrstft"', 'use = "odd"\nslope = 3'))).stages[0].losses
    )
    for schedule in (losses[0].weight, losses[0].options.slope):
        assert isinstance(schedule, ScheduleUse)
        assert schedule.qualified == "core:constant"
    assert losses[0].options.slope.value(7, 9) == 3.0


def test_a_default_of_a_scheduled_option_is_a_schedule_too(desk):
    assert desk.recipe().stages[0].losses[0].options.sharpness.value(0, 1) == 1.0


def test_an_integer_is_a_number_and_nothing_else_converts(desk):
    options = (
        desk.recipe(desk.changed(('use = "f0"', 'use = "f0", f0_min = 60'))).features[0].options
    )
    assert options.f0_min == 60.0
    assert type(options.f0_min) is float


@pytest.mark.parametrize(
    ("rate", "hop"), [(16_000, 256), (44_100, 704), (48_000, 768), (4_000, 64)]
)
def test_the_default_hop_is_about_16_ms(desk, rate, hop):
    assert default_hop(rate) == hop
    assert desk.recipe(None, f"audio.sample_rate={rate}").audio.hop == hop


@pytest.mark.parametrize("init", ["scratch", "A:best", "A:last"])
def test_a_stage_starts_where_it_says(desk, init):
    text = desk.changed(("steps = 200", f'steps = 200\ninit = "{init}"'))
    assert desk.recipe(text).stages[1].init == init


def test_a_checkpoint_to_start_from_is_relative_to_the_recipe(desk):
    text = desk.changed(("steps = 200", 'steps = 200\ninit = "../old/best.safetensors"'))
    init = Path(desk.recipe(text).stages[1].init)
    assert init == desk.folder.parent / "old" / "best.safetensors"


def test_every_problem_of_every_part_is_found_at_once(desk):
    text = desk.changed(
        ("seed     = 1", "seed     = -1"),
        ('use = "f0"', 'use = "f0", f0_mni = 3'),
        ("width = 64", 'width = "64"'),
        ("partials = 64", "partials = 0.5"),
        ("sample_rate = 16_000", "sample_rate = 1"),
        ('use  = "folder"', 'use  = "floder"'),
        ("every = 50", 'every = 0\nkey = "no"'),
        ("half_life = 200, ", ""),
        ('use    = "loudness-db"', 'use    = "loudnes-db"'),
        ("[[0, 0.0], [40, 0.05]]", '[[0, 0.0], ["40", 0.05, 1]]'),
        ("lr    = 1e-4", 'lr    = 1e-4\ninit = "C:best"\nsave_every = 0'),
    )
    lines = [problem.origin.line for problem in desk.problems(text, "stage.X.steps=1", "title=3")]
    assert lines == [2, 3, 4, 5, 9, 12, 17, 23, 29, 30, 36, 37, 1, 1]


def test_what_the_recipe_says_is_checked_where_the_component_is_unknown(desk):
    text = desk.changed(('use = "mrstft"', 'use = "mrtsft"\nweight = "heavy"\nname = "/"\nx = 1'))
    messages = [problem.message for problem in desk.problems(text)]
    assert messages == [
        'unknown loss "mrtsft"',
        'weight must be a number or a schedule, not the string "heavy"',
        '"/" cannot be a name',
    ]


def test_a_problem_in_a_nested_table_of_several_lines_is_found(desk):
    text = desk.changed(
        (
            'head     = [{ use = "harmonic", partials = 64 }, { use = "noise", bands = 65 }]',
            'head = [ # { use = "no" }\n  { use = "harmonic", partials = 64 }, # ]\n\n'
            '  { use = "noise", bands = 1 },\n]',
        )
    )
    [problem] = desk.problems(text)
    assert (problem.origin.line, problem.origin.column) == (8, 28)


def test_labels_that_differ_in_case_alone_are_doubles(desk):
    text = desk.changed(('use    = "loudness-db"', 'name = "MRSTFT"\n  use    = "loudness-db"'))
    [problem] = desk.problems(text)
    assert problem.message == 'loss "MRSTFT" is there twice'
