"""The page of `ddsp report`: whole, self-contained, true to the folder, drawn by a real browser."""

import base64
import io
import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.cli import main
from ddspcore.data.wav import encode_wav
from ddspcore.errors import UserError
from ddspcore.report import write_report

RATE = 16_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FETCHING = {"src", "href", "srcset", "poster", "data", "action", "background"}


def tone(hz, level=0.5, seconds=1.0):
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype("f4")


SOUNDS = {"target": tone(440.0), "prediction": tone(442.0, 0.4), "noise": tone(3000.0, 0.01)}
LINES = [
    {"kind": "metric", "mss": 2.0, "stage": "A", "step": 0, "total_step": 0},
    {"kind": "train", "loss": 1.5, "loss/mrstft": 1.5, "stage": "A", "step": 9, "total_step": 9},
    {"kind": "metric", "mss": 0.5, "stage": "A", "step": 9, "total_step": 9},
]
SUMMARY = {
    "title": "Tones <b>& more</b>",
    "recipe": "tones",
    "device": "cpu",
    "parameters": 75266,
    "seconds": 61.0,
    "metric": {"name": "mss", "value": 0.5, "direction": "lower", "split": "val"},
    "stages": [
        {"name": "A", "steps": 9, "best": 0.5, "best_step": 9, "last": 0.5, "seconds": 60.0}
    ],
    "evaluation": {"train": {"mss": 0.4, "mel-lsd": 2.0}, "val": {"mss": 0.5, "mel-lsd": 9.0}},
    "scores": {
        "mss": {"label": "spectra", "unit": "per bin", "direction": "lower", "grade": ""},
        "mel-lsd": {"label": "mel distance", "unit": "dB", "direction": "lower", "grade": "poor"},
    },
    "gates": [{"passed": False, "sentence": "gate missed: mss 0.5 held out; wanted at most 0.45"}],
    "files": {
        "val": {"render": [f"A/val/render/{name}.wav" for name in SOUNDS]},
        "train": {},
    },
}

SUMMARY_TEXT = json.dumps(SUMMARY)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    render = folder / "A" / "val" / "render"
    render.mkdir(parents=True)
    (folder / "resolved.toml").write_text('title = "</pre><script>alert(1)</script>"\n')
    (folder / "status.json").write_text('{"state": "finished"}')
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, LINES)) + "\n")
    for name, signal in SOUNDS.items():
        (render / f"{name}.wav").write_bytes(encode_wav(signal, RATE))
    times = np.arange(63, dtype="f4") * 0.016
    np.savez(
        render / "controls.npz",
        times_s=times,
        f0_hz=np.full((63, 1), 440.0, "f4"),
        harmonic_distribution=np.full((63, 8), 0.125, "f4"),
    )
    summary = json.loads(json.dumps(SUMMARY))
    summary["files"]["val"]["render"].append("A/val/render/controls.npz")
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


class Page(HTMLParser):
    """The tags, what they refer to, and the words of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(run, **options):
    return Page(write_report(run, **options).read_text(encoding="utf-8"))


def test_nothing_comes_from_elsewhere(run):
    page = page_of(run)
    for tag, attributes in page.tags:
        for name in FETCHING & set(attributes):
            assert attributes[name].startswith(("data:", "#")), (tag, attributes[name][:80])
    text = (run / "report.html").read_text(encoding="utf-8")
    for fetching in ("http://", "https://", "@import", "url("):
        assert fetching not in text


def test_sounds_are_those_of_the_folder_in_their_proportions(run):
    page = page_of(run)
    names = [name for name in ("target", "prediction", "noise") if name in page.words]
    heard = [
        soundfile.read(io.BytesIO(base64.b64decode(audio["src"].partition(",")[2])))
        for audio in page.of("audio")
    ]
    assert len(heard) == len(names) == 3
    for (signal, rate), name in zip(heard, names, strict=True):
        assert rate == RATE
        np.testing.assert_allclose(signal, SOUNDS[name], atol=2**-15)


def test_what_would_clip_is_turned_down_together(run):
    loud = {"target": tone(440.0, 2.0), "prediction": tone(440.0, 0.5)}
    for name, signal in loud.items():
        (run / f"A/val/render/{name}.wav").write_bytes(encode_wav(signal, RATE))
    sources = [audio["src"] for audio in page_of(run).of("audio")]
    target, prediction, _ = (
        soundfile.read(io.BytesIO(base64.b64decode(source.partition(",")[2])))[0]
        for source in sources
    )
    assert 0.9 < np.abs(target).max() < 1.0
    np.testing.assert_allclose(target, 4.0 * prediction, atol=1e-3)


def test_words_say_what_is_good_and_what_is_not(run):
    words = " ".join(page_of(run).words.split())
    assert "Not good: mel distance, 9 dB held out, 2 dB where trained." in words
    assert "Gate missed: mss 0.5 held out; wanted at most 0.45." in words
    assert "Decided by mss held out: 0.5 (lower is better)." in words
    assert "finished in 1 min 1 s on cpu · 75,266 parameters" in words


def test_text_of_a_run_is_never_markup(run):
    page = page_of(run)
    assert not page.of("b") or "& more" in page.words
    assert "Tones <b>& more</b>" in page.words
    assert len(page.of("script")) == 1
    assert "<script>alert(1)</script>" in page.words


def test_a_run_that_stopped_is_told_as_far_as_it_went(run):
    (run / "summary.json").unlink()
    (run / "status.json").write_text('{"state": "interrupted"}')
    with (run / "metrics.jsonl").open("a") as lines:
        lines.write('{"kind": "tra')
    page = page_of(run)
    assert "This run is interrupted" in page.words
    assert len(page.of("img")) == 1
    assert not page.of("audio")


def test_files_that_are_gone_or_broken_are_left_out(run):
    (run / "A/val/render/target.wav").unlink()
    (run / "A/val/render/noise.wav").write_bytes(b"RIFF no sound at all")
    (run / "A/val/render/controls.npz").write_bytes(b"PK no archive")
    assert len(page_of(run).of("audio")) == 1


def test_equal_runs_have_equal_pages(run, tmp_path):
    first, second = tmp_path / "1.html", tmp_path / "2.html"
    assert write_report(run, first).read_bytes() == write_report(run, second).read_bytes()


def test_the_command_says_where_the_page_is(run, tmp_path, capsys):
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"{run / 'report.html'}\n"
    assert main(["report", str(run), "--out", str(tmp_path / "mine.html")]) == 0
    assert (tmp_path / "mine.html").is_file()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda run: (run / "resolved.toml").unlink(), "no run was made here"),
        (lambda run: (run / "summary.json").write_text('{"title": '), "damaged: Expecting value"),
        (lambda run: (run / "data.json").write_text("[]"), "damaged: it holds no table"),
        (lambda run: (run / "provenance.toml").write_text("="), "damaged: Invalid statement"),
    ],
)
def test_a_folder_that_is_no_run_is_a_message(run, capsys, spoil, message):
    spoil(run)
    assert main(["report", str(run)]) == 1
    assert message in capsys.readouterr().err


def test_a_page_for_a_folder_that_does_not_exist_is_a_message(run, tmp_path, capsys):
    out = tmp_path / "nowhere" / "mine.html"
    assert main(["report", str(run), "--out", str(out)]) == 1
    assert "there is no folder" in capsys.readouterr().err


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_cut_files_end_in_a_page_or_a_message(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cut")
    (folder / "resolved.toml").write_text('title = "x"\n')
    files = {"summary.json": SUMMARY_TEXT, "metrics.jsonl": json.dumps(LINES[0])}
    for name, text in files.items():
        (folder / name).write_text(text[: data.draw(st.integers(0, len(text)), label=name)])
    if (folder / "summary.json").read_text() == SUMMARY_TEXT:
        assert write_report(folder).stat().st_size > 1000
    else:
        with pytest.raises(UserError, match="damaged"):
            write_report(folder)


def browse(page: Path, script: str = "") -> str:
    """Open a page in a real browser, and return what became of it."""
    text = page.read_text(encoding="utf-8")
    driven = page.with_name("driven.html")
    driven.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
    done = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--dump-dom"),
            *("--autoplay-policy=no-user-gesture-required", "--enable-logging=stderr"),
            "--virtual-time-budget=15000",
            driven.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_draws_and_plays_it(run):
    script = """
      addEventListener("load", async () => {
        const [one, two] = document.querySelectorAll("audio");
        one.currentTime = 0.4;
        one.muted = two.muted = true;  // there may be no sound card
        const a_while = () => new Promise((done) => setTimeout(done, 100));
        await one.play();
        await a_while();
        await two.play();
        await a_while();
        document.body.dataset.told =
          [one.paused, two.paused, two.currentTime >= 0.4, one.duration.toFixed(2)].join(" ");
      });
    """
    page = Page(browse(write_report(run), script))
    assert [canvas.get("data-drawn") for canvas in page.of("canvas")] == ["yes"] * 3
    assert page.of("body")[0]["data-told"] == "true false true 1.00"
