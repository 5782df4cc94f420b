"""The house rules that imports can break: no cycle, no private path to the built-ins, no torch."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import ddspcore

ROOT = Path(ddspcore.__file__).parent


def module_name(path: Path) -> str:
    return ".".join(("ddspcore", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


FILES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def imported(name: str, everywhere: bool = False) -> set[str]:
    """Return what a module imports when it is imported, or anywhere in its text."""
    found = set()
    nodes = list(ast.parse(FILES[name].read_text()).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif everywhere or not (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        ):
            nodes += ast.iter_child_nodes(node)
    return found


def reached(name: str) -> set[str]:
    """Return every module that importing one leads to."""
    seen, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        if module in FILES:
            parents = {module.rpartition(".")[0]} - {""}
            waiting += imported(module) | parents
    return seen


def test_no_module_imports_itself_by_a_detour():
    graph = {}
    for name in FILES:
        wanted = {each for each in imported(name) if each in FILES and each != name}
        # `from package import module` is an import of the module, not of all that the package has
        graph[name] = {e for e in wanted if not any(o.startswith(f"{e}.") for o in wanted)}
    TopologicalSorter(graph).prepare()


def test_nothing_but_the_entry_point_imports_the_builtins():
    for name in FILES:
        if not name.startswith("ddspcore.builtin"):
            assert not {e for e in imported(name, everywhere=True) if "ddspcore.builtin" in e}, name


def test_what_starts_the_command_line_reaches_no_torch():
    light = [name for name in FILES if name.startswith(("ddspcore.cli", "ddspcore.recipe"))]
    for name in ["ddspcore", "ddspcore.plugins", "ddspcore.catalog", "ddspcore.observers", *light]:
        assert "torch" not in reached(name), name


def test_only_what_is_about_sound_reads_sound():
    """The core assumes no audio: sound files and resamplers are the audio source's business."""
    for name in FILES:
        if not name.startswith(("ddspcore.data", "ddspcore.builtin", "ddspcore.render")):
            assert not imported(name, everywhere=True) & {"soundfile", "soxr"}, name


def test_the_core_calls_no_function_of_sound():
    """It may ask who answers the hot functions, and call the one that is a hash of integers."""
    sound = ("ddspcore.builtin", "ddspcore.dsp", "ddspcore.kernels")
    may = re.compile(r"ddspcore\.kernels(\.backends(\.\w+)?|\.white_noise)?")
    for name in FILES:
        if not name.startswith(sound):
            used = {e for e in imported(name, everywhere=True) if e.startswith(sound[1:])}
            assert {e for e in used if not may.fullmatch(e)} == set(), name
    assert "ddspcore.kernels.white_noise" in imported("ddspcore.randomness")


def test_the_walk_sees_what_it_should():
    assert "torch" in reached("ddspcore.pipeline")
    assert "ddspcore.builtin" not in reached("ddspcore.cli.run")
    assert "ddspcore.gates" in imported("ddspcore.cli.run", everywhere=True)
