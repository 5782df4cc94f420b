"""How fast other features move."""

from collections.abc import Mapping

from attrs import frozen
from torch import Tensor, nn

from ddspcore import Context, Control, feature, option


@feature("deltas")
class Deltas(nn.Module):
    """Change of other features since the frame before, as `<name>_delta`.

    In octaves for a name that ends in `_hz`, at most 1; in dB for one that ends in `_db`, at most
    20; else in the feature's own unit. The first frame has changed by 0.
    """

    @frozen
    class Options:
        """Which features."""

        of: tuple[str, ...] = option(
            ("f0_hz", "loudness_db"), help="names of features, each with one channel a frame"
        )

    def __init__(self, opt: Options, ctx: Context):
        super().__init__()
        self.controls = {name: _delta(name) for name in opt.of}

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[str, ...]:
        """Declare the features, whatever their unit."""
        return opt.of

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare a change for each."""
        return tuple(_delta(name) for name in opt.of)

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take differences. Shape: [B,N,1] -> [B,N,1] each."""
        changes = {}
        for name, control in self.controls.items():
            values = batch[name].log2() if control.unit == "octave" else batch[name]
            change = values.diff(dim=1, prepend=values[:, :1])
            bounded = control.lo is not None
            changes[control.name] = change.clamp(control.lo, control.hi) if bounded else change
        return changes


def _delta(name: str) -> Control:
    if name.endswith("_hz"):
        return Control(f"{name}_delta", unit="octave", lo=-1.0, hi=1.0)
    if name.endswith("_db"):
        return Control(f"{name}_delta", unit="db", lo=-20.0, hi=20.0)
    return Control(f"{name}_delta")
