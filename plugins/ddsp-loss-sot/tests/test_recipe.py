from ddspcore.cli import main


def test_the_recipe_passes_the_gates(capsys):
    assert main(["check", "sot:violin"]) == 0
    assert "loss A.sot" in capsys.readouterr().out
