from ddspcore.cli import main


def test_the_recipe_passes_the_gates(capsys):
    assert main(["check", "wavetable:violin"]) == 0
    assert "wavetable_mix" in capsys.readouterr().out


def test_head_and_synth_have_as_many_tables_as_each_other(capsys):
    assert main(["check", "wavetable:violin", "--set", "head.harmonic.tables=8"]) == 1
    assert "channels 8 != 16" in capsys.readouterr().err
