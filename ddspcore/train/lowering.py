"""What runs for a pipeline: the network's graph, what compilers make of it, who answers what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch._functorch.config
import torch._inductor.config
from attrs import frozen
from torch import nn
from torch._inductor.utils import run_and_get_code

from ddspcore.kernels.backends import Choice, choose, found_in
from ddspcore.pipeline import Batch, Pipeline
from ddspcore.recipe.schema import Recipe
from ddspcore.train.checkpoint import write_bytes, write_json
from ddspcore.train.learner import Learner
from ddspcore.train.lesson import build_feed, build_lesson, fit_components
from ddspcore.wiring import Wiring

NETWORK, INDEX, COMPILED, TRITON = "network.txt", "kernels.json", "compiled", "triton"


@frozen
class Lowered:
    """What was written where.

    `functions` are the hot functions, each with the file and line of what answers it; `library` is
    the machine code behind them on a CPU. `fault` says why the network could not be exported.
    """

    kernels: Choice
    functions: dict[str, str]
    library: str | None
    fault: str
    compiled: tuple[Path, ...]
    triton: tuple[Path, ...]


def lower(
    recipe: Recipe,
    wiring: Wiring,
    source: Any,
    device: torch.device,
    *,
    compiled: bool,
    folder: Path,
) -> Lowered:
    """Train one step, and write what runs in it into the folder.

    `network.txt` is the exported graph of backbone and heads, `compiled/` what Inductor generates
    for it where it is compiled, `triton/` every intermediate form of every Triton kernel, on CUDA.
    `kernels.json` says what answers the hot functions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stage = recipe.stages[0]
    feed = build_feed(recipe, wiring, source, device)
    fit_components(feed, stage.batch)
    lesson = build_lesson(recipe, stage, feed, compiled=compiled, steps_before=0)
    with Learner(lesson) as learner:
        batch, _ = learner.batch(0, 0)
        text, fault = _export(feed.pipeline, batch)
        write_bytes(folder / NETWORK, text.encode())
        with _dumping_triton(folder / TRITON):
            codes = _compile(learner.step) if compiled else []
            if not compiled:
                learner.step(0)
    files = [folder / COMPILED / f"{number}.py" for number in range(len(codes))]
    for file, code in zip(files, codes, strict=True):
        file.parent.mkdir(exist_ok=True)
        write_bytes(file, code.encode())
    functions, library = found_in(device.type)
    found = Lowered(
        kernels=choose(device.type),
        functions=functions,
        library=library,
        fault=fault,
        compiled=tuple(files),
        triton=tuple(sorted(path for path in (folder / TRITON).rglob("*.*") if path.is_file())),
    )
    facts = {"device": device.type, "kind": found.kernels.kind, "version": found.kernels.detail}
    write_json(folder / INDEX, facts | {"library": library, "functions": functions})
    return found


class _Network(nn.Module):
    """Backbone and heads as a module, which is what can be exported."""

    def __init__(self, pipeline: Pipeline):
        super().__init__()
        self.pipeline = pipeline

    def forward(self, features: Batch) -> Batch:
        return self.pipeline.predict(features)


def _export(pipeline: Pipeline, batch: Batch) -> tuple[str, str]:
    """Return the network's graph as text, or an empty one and why there is none."""
    features = {key: batch[key] for key in set(pipeline.inputs.values())}
    try:
        exported = torch.export.export(_Network(pipeline), (features,))
    except Exception as failure:  # whatever a component does that a graph cannot say
        return "", str(failure).strip().partition("\n")[0] or type(failure).__name__
    return str(exported), ""


def _compile(step: Callable[[int], None]) -> list[str]:
    """Run a step whose network is compiled afresh; return the code that Inductor generates."""
    with (
        torch._inductor.config.patch(fx_graph_cache=False, compile_threads=1),
        torch._functorch.config.patch(enable_autograd_cache=False),
    ):
        codes: list[str] = run_and_get_code(step, 0)[1]
    return codes


@contextmanager
def _dumping_triton(folder: Path) -> Iterator[None]:
    """Let Triton compile afresh and write every form of its kernels, where there is a Triton."""
    try:
        from triton import knobs  # noqa: PLC0415  comes with torch's CUDA builds
    except ImportError:
        yield
        return
    with knobs.compilation.scope(), knobs.cache.scope():
        knobs.compilation.dump_ir = knobs.compilation.always_compile = True
        knobs.cache.dump_dir = str(folder.absolute())
        yield
