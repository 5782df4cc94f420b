"""The `ddsp` command: its subcommands, and the one place where errors become text."""

import importlib
import os
import sys
from collections.abc import Sequence

import rich_click as click
from click.exceptions import Exit, NoArgsIsHelpError
from click.shell_completion import shell_complete

from ddspcore.errors import is_refusal
from ddspcore.recipe import problems  # a name of its own: `ddspcore.cli.render` is a command

# Imported when named, or all of them for `ddsp --help`; none imports torch before it runs.
COMMANDS = {
    "run": "ddspcore.cli.run:run",
    "check": "ddspcore.cli.check:check",
    "results": "ddspcore.cli.results:results",
    "eval": "ddspcore.cli.eval:evaluate",
    "render": "ddspcore.cli.render:render",
    "report": "ddspcore.cli.report:report",
    "probe": "ddspcore.cli.probe:probe",
    "bench": "ddspcore.cli.bench:bench",
    "data": "ddspcore.cli.data:data",
    "recipes": "ddspcore.cli.recipes:recipes",
    "plugins": "ddspcore.cli.plugins:plugins",
    "components": "ddspcore.cli.components:components",
    "doctor": "ddspcore.cli.doctor:doctor",
    "completion": "ddspcore.cli.completion:completion",
}
COMPLETE = "_DDSP_COMPLETE"
# A step here is many small operations, which one thread does three times as fast as two that wait
# for each other; OpenMP reads this when torch is imported, and whoever sets it decides.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class LazyGroup(click.RichGroup):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a subcommand; UsageError if there is none, None while completing."""
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:
                return None
            ctx.fail("; ".join((f'no command "{cmd_name}"', *problems.closest(cmd_name, COMMANDS))))
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ddspcore", message="%(prog)s %(version)s")
def ddsp() -> None:
    """Train differentiable synthesisers from recipes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 done, 1 recipe, data or usage problem, 2 plugin problem, 3 training stopped itself, 4 a gate
    missed, 130 interrupted. An error that the user can mend is printed; any other is a bug and
    propagates.
    """
    if instruction := os.environ.get(COMPLETE):
        return shell_complete(ddsp, {}, "ddsp", COMPLETE, instruction)
    try:
        return _invoke(list(sys.argv[1:] if arguments is None else arguments))
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # Whoever read our output has left; the interpreter must not flush into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _explain(error)


def _invoke(arguments: list[str]) -> int:
    """Run a command to its end and return its exit code; all that it printed is on its way."""
    code = 0
    try:
        with ddsp.make_context("ddsp", arguments) as context:
            ddsp.invoke(context)
    except Exit as stop:
        code = stop.exit_code
    except NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 1
    sys.stdout.flush()
    return code


def _explain(error: Exception) -> int:
    """Print an error that is no bug and return its exit code; raise any other again."""
    code = 1
    if isinstance(error, problems.RecipeError):
        short = not sys.stderr.isatty()
        click.echo(problems.render(error.problems, short=short, ran=error.ran), err=True)
        return error.exit_code
    if isinstance(error, click.ClickException):
        text = error.format_message()
        if isinstance(error, click.UsageError) and error.ctx:
            text = f"{text} (see {error.ctx.command_path} --help)"
    elif isinstance(error, OSError) and is_refusal(error):
        text = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    elif hasattr(error, "exit_code"):
        text, code = str(error), int(error.exit_code)
    else:
        raise error
    click.echo(f"{click.style('error:', fg='red', bold=True)} {text}", err=True)
    return code
