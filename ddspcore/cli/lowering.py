"""What `ddsp run --dump-kernels` prints: what was written, and what answers the hot functions."""

from pathlib import Path
from typing import TYPE_CHECKING

from ddspcore.cli.tables import make_table, show

if TYPE_CHECKING:
    from ddspcore.train.lowering import Lowered


def show_lowered(found: "Lowered", folder: Path, compiled: bool) -> None:
    """Print what runs a step, from the network's graph down to machine code."""
    table = make_table("hot function", "answered by")
    for name, place in found.functions.items():
        table.add_row(name, place)
    if found.fault:
        network = f"the network cannot be exported: {found.fault}"
    else:
        network = f"{folder / 'network.txt'}: the graph of backbone and heads"
    if compiled:
        inductor = f"{folder / 'compiled'}: {len(found.compiled)} files that Inductor generated"
    else:
        inductor = "the network is not compiled: torch runs its operations one by one"
    lines = [network, inductor]
    if found.triton:
        lines.append(f"{folder / 'triton'}: {len(found.triton)} forms of Triton kernels")
    if found.library:
        lines.append(f"{found.library}: the machine code of the hot functions")
    show(f"kernels: {found.kernels.kind}, {found.kernels.detail}", "", table, "", *lines)
