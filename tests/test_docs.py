"""The documentation is run: recipes pass `ddsp check`, Python runs, commands parse, links resolve.

A block that begins with a comment naming a file is that file. A TOML block with [data] or `extends`
is a whole recipe; any other overlays the smallest recipe of docs/recipes.md. A text block is what
the program prints.
"""

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
import rich_click as click
from attrs import field, frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ddspcore import cli
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.schema import Guards, MetricUse, Optimiser, Stage

ROOT = Path(__file__).parents[1]
DIAGRAM = ""
NAVIGATION = "{toctree}"  # the build of the site reads it
PATH = re.compile(r"(?:ddspcore|docs|recipes|tests)/[\w./-]*")


@frozen
class Snippet:
    """Code in a page: a block, or an inline piece of a sentence."""

    page: Path
    language: str
    text: str = field(repr=False)
    line: int = 0

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line or self.text}"


def tokens() -> Iterator[tuple[Path, Token]]:
    """Yield every token of every page; those within a line come after that line's own."""
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]):
        for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
            yield page, token
            for child in token.children or ():
                yield page, child


def snippets() -> Iterator[Snippet]:
    for page, token in tokens():
        if token.type == "fence":
            yield Snippet(page, token.info, token.content, token.map[0] + 1)
        elif token.type == "code_block":
            for number, line in enumerate(token.content.splitlines(), token.map[0] + 1):
                yield Snippet(page, "shell", line, number)
        elif token.type == "code_inline":
            yield Snippet(page, "inline", token.content)


SNIPPETS = list(snippets())
FOLLOWED = "plugin-tutorial.md"  # from an empty folder, by a test of its own
RECIPES = [
    s
    for s in SNIPPETS
    if s.language == "toml" and not s.text.startswith("# pyproject") and s.page.name != FOLLOWED
]
SMALLEST = next(s.text for s in RECIPES if s.page.name == "recipes.md")
COMMANDS = [s for s in SNIPPETS if s.language == "shell" and s.text.strip()]
RUN_ELSEWHERE = "from-ddspe2e.md"  # by a test of its own
MENTIONS = [
    s
    for s in SNIPPETS
    if s.language == "inline" and s.text.startswith("ddsp ") and s.page.name != RUN_ELSEWHERE
]


@pytest.fixture
def desk(tmp_path, monkeypatch, ddsp, readme_file):
    """Return the folder of somebody who followed the pages and now works in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    (tmp_path / "my.toml").write_text(SMALLEST)
    (tmp_path / "my_loss.py").write_text(readme_file("my_loss.py"))
    for name in ("best_low_loss", "mine"):
        assert ddsp("recipes", "copy", "best_low_loss", f"{name}.toml").code == 0
    for sound in ("humming.wav", "in.wav"):
        (tmp_path / sound).touch()
    return tmp_path


def parsed(line: str) -> click.Context:
    """Return what click makes of a command line."""
    name, *words = shlex.split(line.removeprefix(".venv/bin/"), comments=True)
    command: click.Command | None = cli.ddsp
    context = None
    while isinstance(command, click.Group) and words:
        context = click.Context(command, info_name=name, parent=context)
        name, *words = words
        command = command.get_command(context, name)
    assert command is not None, name
    return command.make_context(name, words, parent=context)


def test_every_block_is_of_a_language_that_is_tested():
    assert {s.language for s in SNIPPETS} <= {
        *("toml", "python", "text", "diff", "shell", "inline"),
        DIAGRAM,
        NAVIGATION,
    }


@pytest.mark.parametrize("block", RECIPES, ids=str)
def test_a_recipe_passes_check(ddsp, desk, block):
    whole = re.search(r"^(\[data\]|extends )", block.text, re.MULTILINE)
    (desk / "block.toml").write_text(block.text if whole else f'extends = "my.toml"\n{block.text}')
    done = ddsp("check", "block.toml")
    assert done.code == 0, done.err


PYTHON = [s for s in SNIPPETS if s.language == "python" and s.page.name != FOLLOWED]


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_runs(block):
    exec(compile(block.text, str(block), "exec"), {"__name__": "docs"})


@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_a_command_line_is_understood(desk, line, monkeypatch):
    program, *words = shlex.split(line.text, comments=True)
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program.endswith("ddsp"):
        parsed(line.text)
    elif words[1:] and words[1].partition(".")[0] == "benchmarks":
        monkeypatch.syspath_prepend(ROOT)
        module = importlib.import_module(words[1])
        if hasattr(module, "__path__"):
            module = importlib.import_module(f"{words[1]}.__main__")
        module.parser().parse_args(words[2:])
    else:
        assert program in {"pip", "pytest", ".venv/bin/pre-commit"}


@pytest.mark.parametrize("line", MENTIONS, ids=str)
def test_a_command_in_a_sentence_exists(line):
    with suppress(click.MissingParameter):  # a sentence need not give every argument
        parsed(line.text)


def test_the_plugin_of_the_readme_is_listed_and_used(ddsp, desk):
    listed = ddsp("components", "loss", "--plugin", "my_loss.py")
    assert "spectral-tilt" in listed.out
    assert "power" in listed.out
    (desk / "tilt.toml").write_text(SMALLEST.replace("mrstft", "spectral-tilt"))
    done = ddsp("check", "tilt.toml", "--plugin", "my_loss.py")
    assert done.code == 0, done.err
    assert ddsp("check", "tilt.toml").code == 1


def test_problems_look_as_shown(ddsp, desk):
    shown = next(s.text for s in SNIPPETS if s.language == "text" and s.page.name == "recipes.md")
    synths = 'synth    = [{ use = "harmonic" }, { use = "noise" }]'
    assert synths in SMALLEST
    text = SMALLEST.replace(synths, synths.replace("noise", "nose")).replace("steps", "step ")
    (desk / "my.toml").write_text(text)
    done = ddsp("check", "my.toml")
    assert (done.code, done.err) == (1, shown)


def test_links_resolve():
    for page, token in tokens():
        target = token.attrs.get("href") or token.attrs.get("src")
        if target and "://" not in target:
            file, _, heading = target.partition("#")
            there = page.parent / file if file else page
            assert there.exists(), f"{page.name}: {target}"
            assert not heading or heading in headings(there), f"{page.name}: {target}"


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub spells them."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


def test_what_is_named_by_its_path_exists():
    for snippet in SNIPPETS:
        if snippet.page.name == FOLLOWED:  # its paths are those of the reader's package
            continue
        if snippet.language == "inline" and PATH.fullmatch(snippet.text):
            assert (ROOT / snippet.text).exists(), str(snippet)


def test_every_key_of_a_stage_a_metric_and_the_optimiser_is_on_the_tour():
    tour = {s.text for s in SNIPPETS if s.page.name == "recipes.md" and s.language == "inline"}
    for part in (Stage, MetricUse, Optimiser, Guards):
        keys = {attribute.name for attribute in attrs.fields(part)}
        assert keys - {"component", "plugin", "options", "origin", "losses"} <= tour


def test_every_built_in_component_has_its_row():
    page = (ROOT / "docs/components.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)s\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    listed = {
        (kind.lower(), name)
        for kind, text in sections.items()
        for name in re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE)
    }
    core = {
        (entry.component.kind, entry.component.name)
        for entry in Catalog(discover()).entries()
        if entry.plugin == "core"
    }
    assert {("loss" if kind == "losse" else kind, name) for kind, name in listed} == core


def test_every_component_that_a_page_names_by_kind_exists():
    catalog = Catalog(discover())
    kinds = {entry.component.kind for entry in catalog.entries()}
    mention = re.compile(rf"\b({'|'.join(kinds)}) `([\w.-]+)`")
    found = [m.groups() for page, t in tokens() for m in mention.finditer(t.content)]
    assert found
    for kind, name in found:
        catalog.find(kind, name)


def test_every_dependency_has_its_reason():
    page = (ROOT / "docs" / "dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    for requirement in wanted:
        name = re.match(r"[\w-]+", requirement)[0]
        assert re.search(rf"\b{name}\b", page), name
