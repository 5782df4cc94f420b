import numpy as np
import pytest
import soundfile

from benchmarks.instruments import Scores, held_out, main, table

RATE = 16_000


def heard(name, f0_hz, state="kept"):
    return {"name": name, "state": state, "features": {"f0_hz": {"median": f0_hz}}}


def test_inner_notes_are_held_out_in_order_of_pitch_whatever_they_are_called():
    files = [heard(f"{9 - n}.wav", 100.0 * n) for n in range(1, 10)]
    assert held_out([*files, {"name": "README", "state": "ignored"}]) == ["6.wav", "1.wav"]
    assert held_out([*files[:-1]]) == ["6.wav"]


def test_the_table_says_what_is_missed():
    def scores(mss, lsd):
        values = {"mss": mss, "mel-lsd": lsd, "f0-cents": 0.5, "loudness-db": 1.0, "share/x": 1.0}
        return Scores(12.3, values)

    made = table({"oboe": {"notes": scores(1.0, 7.0), "a phrase": scores(1.4, 5.5)}})
    assert made.splitlines()[2:] == [
        "| oboe | notes | 12 | 1.000 | 7.00 | 0.50 | 1.00 |",
        "| oboe | a phrase | 12 | **1.400, 1.40 times** | 5.50 | 0.50 | 1.00 |",
    ]


@pytest.mark.slow
def test_the_command_trains_on_notes_and_scores_those_it_was_not_trained_on(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("DDSP_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "kazoo"
    folder.mkdir()
    time = np.arange(2 * RATE) / RATE
    for number in range(5):
        note = sum(np.sin(2 * np.pi * 220 * 2 ** (number / 6) * k * time) / k for k in range(1, 9))
        soundfile.write(folder / f"{number}.wav", 0.2 * note, RATE)
    page = tmp_path / "page.md"
    page.write_text("<!-- instruments -->\n<!-- end of instruments -->\n")
    quick = ["stage.A.steps=2", "stage.B.steps=2", "data.levels_db=[]", "metric.items=1"]
    words = [str(folder), "--out", str(tmp_path / "out"), "--page", str(page)]
    assert main([*words, *(f"--set={each}" for each in quick)]) == 0
    rows = page.read_text().splitlines()
    assert [row.split(" | ")[1] for row in rows if row.startswith("| kazoo")] == [
        "notes it was trained on",
        "1 note it was not",
        "a phrase of these",
    ]
    assert soundfile.info(tmp_path / "out" / "kazoo-phrase.wav").duration == pytest.approx(4.04)
    assert (tmp_path / "out" / "kazoo" / "summary.json").exists()
