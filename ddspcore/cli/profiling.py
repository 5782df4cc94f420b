"""What `ddsp run --profile` prints: a step by its parts, in words."""

from typing import TYPE_CHECKING

from ddspcore.cli.tables import make_table, show

if TYPE_CHECKING:
    from ddspcore.train.profile import Profile

WORDS = {
    "data": "items, taken to the device, and their noise",
    "optimiser": "clipping, the weights' step, their average",
    "gradient": "what the backward pass does for no part alone",
    "other": "schedules, summing the losses, calling everything",
}
ON_CUDA = {"other": "the device waits for the host, or sums losses"}


def show_profile(profile: "Profile") -> None:
    """Print how long a step takes, its parts from the longest on, and where to read more."""
    table = make_table("part", "forward", "backward", "ms", "share", "")
    for column in table.columns[1:5]:
        column.justify = "right"
    words = WORDS | (ON_CUDA if profile.device == "cuda" else {})
    if profile.compiled:
        words["network"] = "backbone and heads, compiled"
    for part in profile.parts:
        numbers = (part.forward_ms, part.backward_ms, part.ms)
        spelled = [f"{ms:.2f}" for ms in numbers]
        table.add_row(part.name, *spelled, f"{part.share:.1%}", words.get(part.name, ""))
    kernels = profile.kernels
    show(
        f"a step takes {profile.step_ms:.1f} ms on {profile.device}, the mean of {profile.steps}; "
        f"{'tensors' if profile.device == 'cuda' else 'the process'} held at most "
        f"{profile.memory_mb:.0f} MB",
        f"kernels: {kernels.kind}, {kernels.detail}",
        "",
        table,
        "",
        f"{profile.trace} opens at https://ui.perfetto.dev; numbers are in profile.json beside it",
    )
