"""The site that `make docs` builds: all pages are led to, and nothing is fetched from outside."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Build a site as `make docs` does."""
    command = (sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", source, out)
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = build(DOCS, out)
    assert done.returncode == 0, done.stderr
    return out


def test_every_page_is_in_the_navigation_of_every_page(site):
    for page in PAGES:
        text = (site / f"{page.stem}.html").read_text(encoding="utf-8")
        sidebar = re.search(r'<div class="sidebar-tree">(.*?)</div>', text, re.S)[1]
        targets = set(re.findall(r'href="([^"]*)"', sidebar))
        others = {f"{other.stem}.html" for other in PAGES} - {page.with_suffix(".html").name}
        assert others - targets <= {"index.html"}, page.name
        assert 'href="index.html"' in text or page.stem == "index"


def test_nothing_is_fetched_from_outside(site):
    fetched = re.compile(r'<(?:link|script|img|source|iframe)\b[^>]*(?:href|src)="(?:https?:)?//')
    for page in site.glob("*.html"):
        assert not fetched.search(page.read_text(encoding="utf-8")), page.name
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r'(?:@import|url\()\s*["\']?(?:https?:)?//', text), style.name


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("[gone](gone.md)", "gone.md"),
        ("[here](#no-such-heading)", "no-such-heading"),
        ("![picture](images/gone.png)", "gone.png"),
        ("```{toctree}\ngone\n```", "gone"),
    ],
    ids=["page", "heading", "picture", "navigation"],
)
def test_what_leads_nowhere_is_an_error(tmp_path, page, said):
    shutil.copy(DOCS / "conf.py", tmp_path)
    shutil.copytree(DOCS / "style", tmp_path / "style")
    (tmp_path / "index.md").write_text(f"# Site\n\n{page}\n")
    done = build(tmp_path, tmp_path / "out")
    assert done.returncode == 1
    assert said in done.stderr


def test_a_page_that_nothing_leads_to_is_an_error(tmp_path):
    shutil.copy(DOCS / "conf.py", tmp_path)
    shutil.copytree(DOCS / "style", tmp_path / "style")
    (tmp_path / "index.md").write_text("# Site\n")
    (tmp_path / "lost.md").write_text("# Lost\n")
    done = build(tmp_path, tmp_path / "out")
    assert done.returncode == 1
    assert "lost.md" in done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_one_title_and_begins_with_it(page):
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    levels = [token.tag for token in tokens if token.type == "heading_open"]
    assert tokens[0].type == "heading_open"
    assert levels[0] == "h1"
    assert levels.count("h1") == 1


def test_the_first_page_shows_what_the_readme_shows():
    """Which test_installed.py compares with what a run prints."""
    printed = re.compile(r"^```text\n.*?^```$", re.M | re.S)
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert printed.search((DOCS / "index.md").read_text())[0] == printed.search(readme)[0]


def test_every_package_of_ours_has_its_row():
    rows = re.findall(r"^\| `([\w-]+)` \|", (DOCS / "packages.md").read_text(), re.M)
    assert sorted(rows) == sorted(
        tomllib.loads(project.read_text())["project"]["name"]
        for project in (DOCS.parent / "plugins").glob("*/pyproject.toml")
    )
