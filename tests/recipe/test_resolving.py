"""What is written back says all of it, and says it again the same."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.resolving import canonical, to_toml
from ddspcore.recipe.shipped import CORE, find_recipes, resolve_recipe
from ddspcore.recipe.structuring import structure

shared_desk = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def again(desk, recipe, *, commented=False):
    """Write a recipe, read it in another folder."""
    elsewhere = desk.folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    path = elsewhere / "resolved.toml"
    path.write_text(to_toml(recipe, commented=commented), encoding="utf-8", newline="")
    return structure(read(path), desk.catalog)


def test_the_good_recipe_written_back(desk, golden):
    recipe = desk.recipe()
    golden("resolved", to_toml(recipe).replace(str(desk.folder), "FOLDER"))
    assert again(desk, recipe) == recipe
    assert to_toml(again(desk, recipe)) == to_toml(recipe)


def test_every_option_is_explained(desk, golden):
    recipe = desk.recipe()
    text = to_toml(recipe, commented=True)
    golden("explained", text.replace(str(desk.folder), "FOLDER"))
    assert again(desk, recipe, commented=True) == recipe


def quoted(text):
    return json.dumps(text).replace("\x7f", "\\u007f")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
paths = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0~"), min_size=1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
names = st.from_regex(r"\A[a-z][\w.-]{0,8}\Z")
schedules = st.one_of(
    numbers.map(repr),
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3).map(
        lambda points: f'{{ use = "piecewise", points = {[list(p) for p in points]} }}'
    ),
)
# The JSON of a plain string is TOML but for surrogate pairs.
strings = texts.filter(lambda text: all(ord(c) < 0x10000 for c in text))


@shared_desk
@given(st.data())
def test_any_recipe_survives_being_written_and_read(desk, data):
    draw = data.draw
    path = draw(paths.filter(lambda text: all(ord(c) < 0x10000 for c in text)))
    lines = [
        f"title = {quoted(draw(strings))}",
        f"description = {quoted(draw(strings))}",
        f"seed = {draw(st.integers(0, 2**63 - 1))}",
        f"[audio]\nsample_rate = {draw(st.integers(4000, 384_000))}",
        f"[data]\nuse = 'folder'\nroot = {quoted(path)}",
        f"names = [{', '.join(map(quoted, draw(st.lists(strings, max_size=3))))}]",
        "[metric]\nuse = 'mss'",
        f"[[synth]]\nuse = 'noise'\nbind = {{ {quoted(draw(strings))} = {quoted(draw(strings))} }}",
    ]
    for name in draw(st.lists(names, min_size=1, max_size=3, unique_by=str.casefold)):
        lines += [f"[[stage]]\nname = 'S{name}'\nsteps = 10\nlr = {abs(draw(numbers))!r}"]
        lines += ["[[stage.loss]]\nuse = 'odd'", f"weight = {draw(schedules)}"]
        lines += [f"text = {quoted(draw(strings))}", f"slope = {draw(schedules)}"]
        lines += [f"mode = '{draw(st.sampled_from(['soft', 'hard']))}'", f"name = '{name}'"]
        lines += [f"grid = {[[draw(st.integers(-9, 9)), 2]]}", "table = 'a b'", "flags = []"]
    recipe = desk.recipe("\n".join(lines))
    assert again(desk, recipe) == recipe
    assert canonical(again(desk, recipe)) == canonical(recipe)
    assert again(desk, recipe, commented=True) == recipe
    json.dumps(canonical(recipe), allow_nan=False)


def test_several_lines_stay_several_lines(desk):
    recipe = desk.recipe(desk.changed(('"Good"', '"G"\ndescription = """\na "b"\n\\\\c\n"""')))
    assert 'description = """\na \\"b\\"\n\\\\c\n"""' in to_toml(recipe)
    assert again(desk, recipe) == recipe


def test_values_that_are_empty_on_purpose_are_kept(desk):
    text = desk.changed(('use = "mrstft"', 'use = "odd"\n  text = ""\n  flags = []'))
    recipe = desk.recipe(text)
    assert (recipe.stages[0].losses[0].options.text, recipe.stages[0].losses[0].options.flags) == (
        "",
        (),
    )
    assert again(desk, recipe) == recipe


def test_every_name_is_qualified_and_every_path_absolute(desk):
    table = tomllib.loads(to_toml(desk.recipe()))
    assert table["stage"][0]["lr"]["use"] == "core:exponential"
    assert table["data"] == {
        "use": "core:folder",
        "root": str(desk.folder / "audio" / "violin"),
        "chunk": 1.024,
        "names": [],
    }


def test_the_canonical_form_knows_no_paths_texts_or_devices(desk):
    start = ("steps = 200", 'steps = 200\ninit = "a.safetensors"')
    here = canonical(desk.recipe(desk.changed(start), "data.root=/x", "device=cpu", "title=a"))
    there = canonical(desk.recipe(desk.changed(start), "data.root=/y", "device=cuda", "title=b"))
    assert here == there
    assert str(desk.folder) not in json.dumps(here)
    assert "/x" not in json.dumps(here)


@pytest.mark.parametrize(
    "change",
    [
        "seed=2",
        "precision=bfloat16",
        "compile=false",
        "stage.B.steps=3",
        "backbone.width=8",
        "stage.A.lr.floor=0",
        "stage.B.init=scratch",
    ],
)
def test_the_canonical_form_knows_what_decides_the_numbers(desk, change):
    assert canonical(desk.recipe()) != canonical(desk.recipe(None, change))


def test_the_canonical_form_is_sorted_and_blind_to_spelling(desk):
    whole = canonical(desk.recipe())
    assert json.dumps(whole) == json.dumps(whole, sort_keys=True)
    spelled = desk.changed(("lr    = 1e-4", "lr = { use = 'core:constant', value = 0.0001 }"))
    assert canonical(desk.recipe(spelled)) == whole
    assert Path("recipe.toml").exists()


@pytest.mark.parametrize("name", [str(each) for each in find_recipes() if each.plugin == CORE])
def test_every_shipped_recipe_survives(tmp_path, name):
    catalog = Catalog(discover())
    recipe = structure(read(resolve_recipe(name)), catalog)
    for commented in (False, True):
        text = to_toml(recipe, commented=commented)
        (tmp_path / "resolved.toml").write_text(text, encoding="utf-8")
        assert structure(read(tmp_path / "resolved.toml"), catalog) == recipe
