"""`ddsp completion`: the script that lets a shell complete `ddsp`."""

import rich_click as click
from click.shell_completion import get_completion_class


@click.command(epilog='For bash, add to ~/.bashrc: eval "$(ddsp completion bash)"')
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL."""
    maker = get_completion_class(shell)
    assert maker is not None
    script = maker(context.find_root().command, {}, "ddsp", "_DDSP_COMPLETE").source()
    click.echo(script)
