"""Every message about a recipe, as a person reads it: one golden text each.

`DDSP_REWRITE_GOLDEN=1 pytest tests/recipe/test_messages.py` writes them; read the difference.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from attrs import field, frozen

from ddspcore.catalog import Catalog
from ddspcore.recipe import shipped
from ddspcore.recipe.problems import RecipeError, render
from ddspcore.recipe.reading import MAX_BYTES, read
from ddspcore.recipe.shipped import ShippedRecipe
from ddspcore.recipe.structuring import structure


@frozen
class Case:
    """What is wrong: changes to the good recipe, or a text of its own, parents, and settings."""

    changes: tuple[tuple[str, str], ...] = ()
    sets: tuple[str, ...] = ()
    text: str | None = None
    parents: Mapping[str, str] = field(factory=dict)


def change(old: str, new: str) -> Case:
    return Case(changes=((old, new),))


HIGH = '{ use = "exponential", start = 9, half_life = 100, floor = 0 }'
ODD = 'use = "mrstft"\n\n  [[stage.loss]]\n  use    = "loudness-db"'


def odd(line: str) -> Case:
    """A loss with an option of every type, and one line of it."""
    return change(ODD, f'use = "odd"\n  {line}\n\n  [[stage.loss]]\n  use = "loudness-db"')


def gate(line: str) -> Case:
    """A recipe that measures mss and shares, and a gate."""
    measured = '[[evaluator]]\nuse = "mss"\n[[evaluator]]\nuse = "share"\n'
    return change("[audio]", f"{measured}[[gate]]\n{line}\n\n[audio]")


def each(*lines: str) -> Case:
    text = "\n".join(lines)
    return change("[audio]", f"[each]\n{text}\n\n[audio]")


MINIMAL = """\
[data]
use = "folder"
root = "audio"
[metric]
use = "mss"
[audio]
sample_rate = 16_000
[[stage]]
name = "A"
steps = 5
lr = 1e-3
loss = { use = "mrstft" }
"""

CASES = {
    # values
    "integer": odd("cap = 3.9"),
    "boolean": change("causal = true", 'causal = "true"'),
    "number": odd('slope = "steep"'),
    "string": odd("text = 1979-05-27"),
    "path": change('"audio/violin"', "true"),
    "empty_path": change('"audio/violin"', '""'),
    "choice": odd('mode = "hrad"'),
    "choice_of_numbers": odd("power = 3"),
    "choice_of_truths": change("seed     = 1", 'seed = 1\ncompile = "true"'),
    "choice_of_precision": change("seed     = 1", 'seed = 1\nprecision = "bfloat61"'),
    "array": odd("flags = true"),
    "item_of_an_array": odd("flags = [true, false, 1,\n    0]"),
    "length_of_an_array": odd("pair = [0, 0.5, 1]"),
    "array_of_arrays": odd("grid = [[1, 2], [3]]"),
    "bind": change('{ noise_magnitudes = "noise" }', "{ noise_magnitudes = 3 }"),
    "out_of_range": change("partials = 64", "partials = 0"),
    "item_out_of_range": odd("pair = [0, 1.5]"),
    "not_a_number": odd("slope = nan"),
    "huge_integer": odd("cap = 0x" + "f" * 6000),
    "scheduled_out_of_range": change('use = "mrstft"', 'use = "mrstft"\n  sharpness = 9'),
    "learning_rate_out_of_range": change("lr    = 1e-4", "lr    = -1e-4"),
    "learning_rate_leaves_its_range": change(
        "start = 2e-3, half_life = 200, floor = 1e-4", "start = -2e-3, half_life = 200, floor = -1"
    ),
    "scheduled_option_leaves_its_range": change(
        'use = "mrstft"', f'use = "mrstft"\n  sharpness = {HIGH}'
    ),
    "hop_of_more_than_a_second": change(
        "sample_rate = 16_000", "sample_rate = 16_000\nhop = 16_001"
    ),
    # keys
    "unknown_key": change('root = "audio/violin"', 'root = "audio/violin"\nchnuk = 2.0'),
    "unknown_key_of_the_recipe": change("[audio]", "[aduio]"),
    "unknown_key_of_a_stage": change("steps = 200", "steps = 200\nbatchsize = 32"),
    "unknown_key_of_a_schedule": change("floor = 1e-4", "flor = 1e-4"),
    "missing_key": change(", partials = 64", ""),
    "missing_key_of_a_schedule": change("half_life = 200, ", ""),
    "missing_key_of_a_stage": change("steps = 500\n", ""),
    "one_missing_one_unknown": change("partials", "paritals"),
    "no_data": Case(text=MINIMAL.replace('[data]\nuse = "folder"\nroot = "audio"\n', "")),
    "no_metric": Case(text=MINIMAL.replace('[metric]\nuse = "mss"\n', "")),
    "no_stage": Case(text=MINIMAL.partition("[[stage]]")[0]),
    "no_loss": Case(text=MINIMAL.replace('loss = { use = "mrstft" }\n', "")),
    # components
    "unknown_use": change('use = "mrstft"', 'use = "mrtsft"'),
    "unknown_schedule": change('use = "exponential"', 'use = "exponetial"'),
    "use_of_another_kind": change(
        'backbone = { use = "transformer"', 'backbone = { use = "mrstft"'
    ),
    "no_use": change('use = "f0"', 'name = "f0"'),
    "use_is_no_string": change('use = "f0"', "use = 0"),
    "no_table": change('{ use = "f0" }', '"f0"'),
    "no_table_in_a_table": change("[audio]\nsample_rate = 16_000", "audio = 16_000\n[x]"),
    "no_array": change('[{ use = "f0" }, { use = "loudness-db" }]', "true"),
    "schedule_of_no_kind": change("lr    = 1e-4", "lr    = true"),
    "guards": change("seed     = 1", "seed = 1\nguards = { skip = true, max_loss = 0 }"),
    "options_at_odds": change('use = "f0"', 'use = "f0", f0_min = 2000.0'),
    "options_refused": change(ODD, ODD.replace('"mrstft"', '"fussy"\n  low = 3')),
    "bad_name": change('name  = "A"', 'name  = "A/B"'),
    "reserved_name": change('name  = "A"', 'name  = "recipe"'),
    "doubles": change('use    = "loudness-db"', 'use    = "mrstft"'),
    "double_stages": change('name  = "B"', 'name  = "a"'),
    # stages and the metric
    "init_of_nothing": change("steps = 200", 'steps = 200\ninit  = "AA:best"'),
    "init_of_a_later_stage": change("steps = 500", 'steps = 500\ninit  = "B:best"'),
    "metric_key": change("every = 50", 'every = 50\nkey = "mss-log"'),
    "metric_without_metrics": change('use   = "mss"', 'use   = "silent"'),
    "metric_without_a_rate": change("[audio]\nsample_rate = 16_000\n", ""),
    # gates
    "gate_without_a_limit": gate('metric = "mss"'),
    "gate_with_two_limits": gate('metric = "mss"\nat_most = 2\nat_least = 1.0'),
    "gate_on_an_unknown_metric": gate('metric = "mss_lgo"\nat_most = 3'),
    "gate_without_a_metric": gate("at_most = 3"),
    "gate_on_an_unknown_split": gate('metric = "mss"\nat_most = 3\nsplit = "vla"'),
    "gate_on_the_split_of_a_course": gate('metric = "course.fall"\nat_least = 0.7\nsplit = "val"'),
    "gate_over_nothing": gate('metric = "mss"\nat_most = 3\nover = "mean"'),
    "gate_with_an_unknown_key": gate('metric = "mss"\nat_msot = 3'),
    "gate_is_no_table": change("[audio]", 'gate = ["mss"]\n[audio]'),
    # series
    "each_is_no_table": change("seed     = 1", 'each = ["a", "b"]'),
    "each_is_empty": each(),
    "each_of_no_list": each('"data.root" = "a.wav"'),
    "each_of_an_empty_list": each('"data.root" = []'),
    "each_of_an_unknown_key": each('"data.rot" = ["a.wav", "b.wav"]'),
    "each_of_an_unknown_name": each('"stage.C.steps" = [1, 2]'),
    "each_value_of_the_wrong_type": each('"backbone.width" = [64, "wide"]', "seed = [1, -1]"),
    "each_with_a_value_twice": each("seed = [1, 2, 1]"),
    "each_of_gates": each('gate = [[{ metric = "mss", at_most = 3 }]]'),
    "each_of_too_many": each(
        f"seed = {list(range(40))}", f'"backbone.width" = {list(range(1, 41))}'
    ),
    # --set
    "set_nothing": Case(sets=("stage.A.steps",)),
    "set_extends": Case(sets=("extends=base.toml",)),
    "set_no_unicode": Case(sets=("title=\udcff",)),
    "set_no_toml": Case(sets=("stage.A.freeze=['a', 'b'",)),
    "set_unknown_key": Case(sets=("stage.A.setps=5",)),
    "set_unknown_name": Case(sets=("stage.A.loss.loudnes-db.weight=0.1",)),
    "set_in_no_array": Case(sets=("evaluator.mss.x=1",)),
    "set_in_a_value": Case(sets=("stage.B.lr.end=1e-6",)),
    "set_in_an_array": Case(
        sets=("data.names.first=x",), changes=(("[metric]", 'names = ["a"]\n[metric]'),)
    ),
    "set_a_name": Case(sets=("stage.B.name=C",)),
    "set_an_entry": Case(sets=("stage.B=5",)),
    "set_wrong_type": Case(sets=("backbone.width=wide",)),
    "set_within_a_value": Case(
        sets=('stage.B.lr={ use = "exponential", start = "1", half_life = 2 }',)
    ),
    # files
    "not_toml": change("seed     = 1", "seed     = "),
    "not_toml_at_the_end": Case(text='title = """a'),
    "key_twice": change("seed     = 1", "seed     = 1\nseed     = 2"),
    "too_deep": Case(text="a = " + "[" * 60 + "]" * 60),
    "far_too_deep": Case(text="a = " + "[" * 3000 + "]" * 3000),
    "too_long": Case(text="#" * MAX_BYTES + "#"),
    "long_line": Case(text="a = 1\n" + "#" * 20_000),
    "too_many_digits": Case(text="seed = " + "9" * 5000),
    "extends_no_string": Case(text="extends = 3"),
    "extends_nothing": Case(text='extends = "bsae.toml"', parents={"base": ""}),
    "extends_itself": Case(
        text='extends = "b.toml"',
        parents={"b": 'extends = "c.toml"', "c": 'extends = "recipe.toml"'},
    ),
    "extends_unknown_recipe": Case(text='extends = "core:best_low_los"'),
    "problem_in_a_parent": Case(
        text='extends = "base.toml"\nseed = -1', parents={"base": MINIMAL.replace("1e-3", '"fast"')}
    ),
    # all at once
    "five_mistakes": Case(
        changes=(
            ("width = 64", 'width = "64"'),
            ("bands = 65", "bands = 1"),
            ('use = "mrstft"', 'use = "mrtsft"'),
            ("steps = 200", 'steps = 200\nbatchsize = 32\ninit  = "C:best"'),
        ),
        sets=("metric.evrey=10",),
    ),
}


@pytest.fixture(autouse=True)
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [
        ShippedRecipe(plugin, stem, Path(f"/{plugin}/{stem}.toml"))
        for plugin, stem in [("core", "best_low_loss"), ("fm", "bells"), ("pm", "bells")]
    ]
    monkeypatch.setattr(shipped, "find_recipes", lambda: recipes)


@pytest.mark.parametrize("name", CASES)
def test_message(desk, golden: Callable[[str, str], None], name: str) -> None:
    case = CASES[name]
    text = desk.changed(*case.changes) if case.text is None else case.text
    problems = desk.problems(text, *case.sets, **case.parents)
    golden(name, shown(problems))


def shown(problems) -> str:
    return f"{render(problems)}\n\n--- short ---\n{render(problems, short=True)}\n"


UNREADABLE = {
    "no_such_file": Path("recpie.toml"),
    "a_folder": Path("."),
    "no_file_name": Path("a\0b.toml"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_file(desk, golden: Callable[[str, str], None], name: str) -> None:
    desk.write(recipe="")
    with pytest.raises(RecipeError) as caught:
        read(UNREADABLE[name])
    golden(name, shown(caught.value.problems))


def test_not_utf8(desk, golden: Callable[[str, str], None]) -> None:
    Path("recipe.toml").write_bytes('title = "é"\n'.encode() + b"# \xe9\n")
    with pytest.raises(RecipeError) as caught:
        read(Path("recipe.toml"))
    golden("not_utf8", shown(caught.value.problems))


@pytest.mark.parametrize("name", ["bells", "bels"])
def test_recipe_by_name(golden: Callable[[str, str], None], name: str) -> None:
    with pytest.raises(RecipeError) as caught:
        shipped.resolve_recipe(name)
    golden(f"recipe_named_{name}", shown(caught.value.problems))


def test_numbers_need_the_constant_schedule(desk, golden: Callable[[str, str], None]) -> None:
    desk.write(recipe=MINIMAL)
    with pytest.raises(RecipeError) as caught:
        structure(read(Path("recipe.toml")), Catalog())
    golden("no_components", shown(caught.value.problems))


def test_every_golden_text_has_a_case() -> None:
    names = {path.stem for path in (Path(__file__).parent / "golden").glob("*.txt")}
    others = {"not_utf8", "recipe_named_bells", "recipe_named_bels", "no_components"}
    others |= {"resolved", "explained"}
    assert names == {*CASES, *UNREADABLE, *others}
