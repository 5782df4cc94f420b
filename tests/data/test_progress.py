import io

from rich.console import Console

from ddspcore.data.progress import show_progress


def told(terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    with show_progress(console) as progress:
        progress("reading", 0, 2, "a [bold] name.wav")
        progress("reading", 2, 2, "")
        progress("analysing", 1, 1, "b.wav")
    return out.getvalue()


def test_a_terminal_sees_a_bar_for_each_kind_of_work():
    shown = told(terminal=True)
    assert "reading" in shown
    assert "analysing" in shown


def test_a_pipe_sees_nothing():
    assert told(terminal=False) == ""
