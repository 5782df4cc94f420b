"""What `ddsp probe gradients` prints: losses, and how they pull at every module."""

import math
from typing import TYPE_CHECKING

from ddspcore.cli.tables import make_table

if TYPE_CHECKING:
    from rich.table import Table

    from ddspcore.probing.gradients import Gradients


def losses_table(found: "Gradients") -> "Table":
    """Return a row for every loss: its value, weight, gradient, and part of the step's pull."""
    table = make_table("loss", "value", "weight", "norm", "weighted", "share")
    _to_the_right(table)
    whole = found.modules[0]
    columns = (whole.norms, found.weighted_norms(whole), found.share_among_losses(whole))
    for loss, norm, weighted, share in zip(found.losses, *columns, strict=True):
        numbers = (loss.value, loss.weight, norm, weighted)
        spelled = [f"{number:.4g}" for number in numbers]
        table.add_row(loss.name, *spelled, _percent(share))
    return table


def modules_table(found: "Gradients") -> "Table":
    """Return a row for every module and loss: how hard it pulls there, and with whom."""
    names = [loss.name for loss in found.losses]
    others = [f"cos {name}" for name in names] if len(names) > 1 else []
    table = make_table("module", "parameters", "loss", "norm", "of gradient", "of pull", *others)
    _to_the_right(table, "loss")
    for module in found.modules:
        columns = (
            module.norms,
            found.share_of_gradient(module),
            found.share_among_losses(module),
            module.cosines,
        )
        label = ("  " * module.depth + module.name, str(module.parameters))
        for name, norm, whereof, share, cosines in zip(names, *columns, strict=True):
            numbers = f"{norm:.3g}", _percent(whereof), _percent(share)
            spelled = [_signed(cosine) for cosine in cosines] if others else []
            table.add_row(*label, name, *numbers, *spelled)
            label = ("", "")
    return table


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{100 * share:.3g} %"


def _signed(cosine: float) -> str:
    return "" if math.isnan(cosine) else f"{cosine:+.2f}"


def _to_the_right(table: "Table", *besides: str) -> None:
    for column in table.columns[1:]:
        if column.header not in besides:
            column.justify = "right"
