from ddspcore.cli import main


def test_the_recipe_passes_the_gates(capsys):
    assert main(["check", "melshape:violin"]) == 0
    assert "loss B.mel-shape" in capsys.readouterr().out
