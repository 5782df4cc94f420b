"""Whatever is read, the outcome is a Recipe or a RecipeError."""

import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ddspcore.recipe.problems import Problem, RecipeError, render
from ddspcore.recipe.reading import read
from ddspcore.recipe.resolving import origins_table, to_toml
from ddspcore.recipe.structuring import structure

shared_desk = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)

SCRAPS = (
    *('"', "'", '"""', "'''", "[", "]", "[[", "]]", "{", "}", "=", ".", ",", "#", "\n", "\r", "\0"),
    *("true", "nan", "inf", "-1", "0", "1e400", "9" * 30, "1979-05-27", '""', "[]", "{}", "[[]]"),
    *("use", "name", "weight", "lr", "stage", "loss", "extends", "x", '"mss"', '"A:best"', "é日"),
    *('extends = "recipe.toml"\n', '{ use = "constant", value = 1 }', '{ use = "odd" }'),
)


def outcome(desk, data: bytes, sets: tuple[str, ...] = ()) -> None:
    Path("recipe.toml").write_bytes(data)
    problems: tuple[Problem, ...] = ()
    try:
        document = read(Path("recipe.toml"), sets)
        origins_table(document)
        assert to_toml(structure(document, desk.catalog))
    except RecipeError as error:
        problems = error.problems
    if problems:
        assert all(problem.message for problem in problems)
        assert render(problems)
        assert len(render(problems, short=True).split("\n")) == len(problems)


@shared_desk
@given(st.binary())
def test_any_bytes(desk, data):
    outcome(desk, data)


@shared_desk
@given(st.randoms(use_true_random=False), st.integers(1, 6))
def test_any_mutation_of_a_good_recipe(desk, rng: random.Random, count):
    text = desk.good
    for _ in range(count):
        start = rng.randrange(len(text) + 1)
        end = start + rng.choice((0, 0, 1, 2, 8, 30))
        scrap = rng.choice(SCRAPS) if rng.random() < 0.8 else text[rng.randrange(len(text)) :][:20]
        text = text[:start] + scrap + text[end:]
    outcome(desk, text.encode())


@shared_desk
@given(st.data())
def test_any_value_anywhere(desk, data):
    """Replace the values of a good recipe, so that what comes out is still TOML."""
    values = (
        "true",
        "nan",
        "-inf",
        "0",
        "-1",
        "2.5",
        "9" * 25,
        "1979-05-27",
        '""',
        '"x"',
        "[]",
        "{}",
    )
    tables = ("[1, [2]]", "{ use = 1 }", '{ use = "mss" }', "[{ a = 1 }]", '{ use = "constant" }')
    lines = desk.good.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        key, equals, _ = lines[index].partition("=")
        if equals:
            lines[index] = f"{key}= {data.draw(st.sampled_from(values + tables))}"
    outcome(desk, "\n".join(lines).encode())


@shared_desk
@given(st.text() | st.lists(st.sampled_from(SCRAPS)).map("".join), st.text(max_size=5))
def test_any_setting(desk, argument, value):
    places = ("", "seed=", "stage.", "stage.A.", "stage.A.loss.", "head.harmonic.", "data.root=")
    outcome(desk, desk.good.encode(), (f"{argument}={value}", *(p + argument for p in places)))


def test_many_problems_take_little_time(desk):
    outcome(desk, b"".join(b"key%d = 1\n" % i for i in range(5000)))
