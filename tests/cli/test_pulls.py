import torch

from ddspcore.cli.pulls import losses_table, modules_table
from ddspcore.probing.gradients import Gradients, Loss, modules_of


def cells(table):
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_what_is_undefined_is_an_empty_cell():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
    losses = (Loss("a", 2.5, 0.0), Loss("b", 1.0, 1.0))
    found = Gradients("A", 0, (0,), losses, modules_of({"backbone.x": rows}))
    assert cells(losses_table(found)) == [
        ["a", "2.5", "0", "5", "0", ""],
        ["b", "1", "1", "0", "0", ""],
    ]
    assert cells(modules_table(found))[:2] == [
        ["everything", "2", "a", "5", "100 %", "", "+1.00", ""],
        ["", "", "b", "0", "", "", "", ""],
    ]


def test_a_single_loss_has_no_cosines():
    rows = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    found = Gradients("A", 0, (0,), (Loss("a", 2.5, 0.5),), modules_of({"head.x.y": rows}))
    assert cells(losses_table(found)) == [["a", "2.5", "0.5", "5", "2.5", "100 %"]]
    assert [row[0] for row in cells(modules_table(found))] == [
        *("everything", "  head.x", "    head.x.y")
    ]
    assert len(modules_table(found).columns) == 6
