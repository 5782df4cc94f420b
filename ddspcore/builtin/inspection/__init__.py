"""What recordings are worth to a synthesiser with one pitch: measures, a verdict, a picture."""

from collections.abc import Mapping, Sequence
from typing import Any

from ddspcore.builtin.inspection.quality import VERSION, measure
from ddspcore.builtin.inspection.verdict import judge
from ddspcore.data.cache import Cache, Entry, key_of
from ddspcore.data.fates import Progress
from ddspcore.data.features import FeatureNode
from ddspcore.data.items import Item
from ddspcore.data.parallel import each

Range = tuple[float, float]


def inspect(
    report: Mapping[str, Any],
    items: Sequence[Item],
    nodes: Sequence[FeatureNode],
    cache: Cache,
    progress: Progress,
) -> dict[str, Any]:
    """Return a source's report with the `quality` of every usable file, and a `verdict` in words.

    Measures are kept in the cache. `f0_range` is what the pitch feature can say, in Hz, or None.
    """
    rate, hop = report["sample_rate"], report["hop"]
    f0_range = _range(nodes)

    def measured(item: Item) -> Mapping[str, Any]:
        identities = [node.identity for node in nodes]
        key = key_of("quality", VERSION, item.key, item.gain, rate, hop, f0_range, identities)
        return cache.fetch(
            key, lambda: Entry({}, measure(item, rate, hop, f0_range).to_json())
        ).facts

    def tell(done: int, item: Item | None) -> None:
        progress("measuring", done, len(items), item.fate.name if item else "")

    found = dict(zip((item.fate.name for item in items), each(measured, items, tell), strict=True))
    files = [file | {"quality": found.get(file["name"])} for file in report["files"]]
    verdict = judge([file for file in files if file["quality"]], f0_range, rate)
    return {
        **report,
        "files": files,
        "f0_range": f0_range and list(f0_range),
        "verdict": [finding.to_json() for finding in verdict],
    }


def _range(nodes: Sequence[FeatureNode]) -> Range | None:
    for control in (control for node in nodes for control in node.provides):
        if control.name == "f0_hz" and control.lo is not None and control.hi is not None:
            return control.lo, control.hi
    return None
