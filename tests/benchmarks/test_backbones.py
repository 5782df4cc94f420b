from benchmarks.backbones import Cost, Run, costs, table
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.series import members
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure

R4 = resolve_recipe("best_low_loss").parent / "ladder" / "r4_backbones.toml"


def run(backbone, *values):
    return Run(backbone, "violin", values[-1][1], 4.0, values)


def test_at_equal_time_the_dear_one_has_done_fewer_steps():
    runs = [
        run("quick", (0, 3.0), (50, 2.0), (100, 1.0)),
        run("dear", (0, 3.0), (50, 1.5), (100, 0.5)),
    ]
    lines = table(runs, {"quick": Cost(1000, 10.0), "dear": Cost(1001, 20.0)}).splitlines()
    assert lines[2] == "| quick | 1,000 | 10.0 | violin | 1 | 1.000 | 4.00 | 1.000 | 1.000 |"
    assert lines[3] == "| dear | 1,001 | 20.0 | violin | 1 | 0.500 | 4.00 | 0.500 | 1.500 |"


def test_the_backbones_of_the_rung_are_of_one_size():
    catalog = Catalog(discover())
    each = [structure(member.document, catalog) for member in members(read(R4))]
    assert len(each) == 27
    found = costs({recipe.backbone.component.name: recipe for recipe in each})
    assert found.keys() == {"transformer", "gru", "tcn"}
    sizes = [cost.parameters for cost in found.values()]
    assert max(sizes) < 1.01 * min(sizes)
