"""What the live view shows."""

import io

from rich.console import Console

from ddspcore.train.runlog import RunLog


def test_the_view_keeps_losses_beside_the_metric_until_the_next_stage(tmp_path):
    console = Console(file=io.StringIO(), width=80)
    with RunLog(tmp_path / "metrics.jsonl", tmp_path / "log.txt", console) as log:
        log.begin_stage("A", 0, 10)
        log.show({"loss": 1.5, "lr": 1e-3}, 5)
        log.show({"mss": 2.0}, 5)
        assert shown(log) >= {"loss", "1.5", "lr", "0.001", "mss", "2"}
        log.begin_stage("B", 0, 10)
        assert not shown(log) & {"loss", "mss"}


def test_a_bar_without_an_end_shows_before_and_after_the_stages(tmp_path):
    console = Console(file=io.StringIO(), width=80)
    with RunLog(tmp_path / "metrics.jsonl", tmp_path / "log.txt", console) as log:
        assert shown(log) >= {"preparing", "0/?"}
        log.begin_stage("A", 0, 10)
        log.advance(10)
        assert shown(log) >= {"stage", "A", "10/10"}
        log.begin("evaluating")
        assert shown(log) >= {"evaluating", "0/?"}


def shown(log):
    console = Console(file=io.StringIO(), width=80)
    console.print(log._view())
    return set(console.file.getvalue().split())
