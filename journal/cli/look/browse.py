"""`journal browse`: the journal in the terminal."""

import click

from journal.cli.app import App, pass_app


@click.command()
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@pass_app
def browse(app: App, words: tuple[str, ...]) -> None:
    """List, filter, search and read sessions on the whole terminal.

    Type / and words to search as you type; project:, branch:, agent:, state: and since: filter.
    Enter reads, d shows what calls were given, n and p go from prompt to prompt, r goes back into
    the session, y copies the command that does, q leaves.

    \b
    Examples:
      journal browse
      journal browse project:billing-api state:awaiting
    """
    from journal.cli.browsing import browse_here

    browse_here(app, " ".join(words))
