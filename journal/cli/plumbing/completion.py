"""`journal completion`: what a shell needs to complete commands, options, sessions and projects."""

import click

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_JOURNAL_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  eval "$(journal completion bash)" in ~/.bashrc
    zsh:   eval "$(journal completion zsh)" in ~/.zshrc
    fish:  journal completion fish > ~/.config/fish/completions/journal.fish
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None  # click knows these shells
    program = ctx.find_root().command
    click.echo(made(program, {}, "journal", VARIABLE).source())
