from ddspcore.cli import main


def test_the_recipe_passes_the_gates(capsys):
    assert main(["check", "fm:violin"]) == 0
    assert "fm_indices" in capsys.readouterr().out


def test_head_and_synth_have_as_many_pairs_as_each_other(capsys):
    assert main(["check", "fm:violin", "--set", "head.harmonic.pairs=3"]) == 1
    assert "channels 3 != 4" in capsys.readouterr().err
