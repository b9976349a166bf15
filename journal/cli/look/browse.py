"""`journal browse`: the journal in the terminal."""

import click

from journal.cli.app import App, pass_app


@click.command()
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@pass_app
def browse(app: App, words: tuple[str, ...]) -> None:
    """Browse sessions full-screen: list, filter, search and read them.

    Type / and words to search as you type; project:, branch:, agent:, state: and since: filter.
    Enter opens a session, d shows the input and output of tool calls, n and p go to the next and
    the previous prompt, r resumes the session, y copies the command for that, q quits.

    \b
    Examples:
      journal browse
      journal browse project:billing-api state:awaiting
    """
    from journal.cli.browsing import browse_here

    browse_here(app, " ".join(words))
