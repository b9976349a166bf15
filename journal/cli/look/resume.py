"""`journal resume`: back into a session."""

import click

from journal.cli.app import App, pass_app
from journal.cli.completing import session_names
from journal.cli.process import go_back, prepare_resume, resume_line


@click.command()
@click.argument("name", required=False, metavar="[SESSION]", shell_complete=session_names)
@click.option(
    "--print",
    "only_print",
    is_flag=True,
    help="Print the command; start nothing.",
)
@pass_app
def resume(app: App, name: str | None, only_print: bool) -> None:
    """Resume a session in its folder, with its agent.

    Changes into the session's folder and becomes the agent's own resume command. If the agent has
    deleted its transcript of the session, the journal's copy is restored first. An existing file is
    never changed.

    SESSION is an id, a unique prefix of one, or AGENT/ID; without one it is the newest session
    of the current directory's project.

    \b
    Examples:
      journal resume
      journal resume 7f3a91
      journal resume 7f3a91 --print
    """
    from journal.cli.daily.show import newest_here
    from sync.query import listing

    with app.reading(ends_matter=False) as db:
        key = newest_here(app, db) if name is None else listing.find(db, name)
        (session,) = listing.read(db, [key], app.adopt_on)
        if only_print:
            click.echo(resume_line(session))
            return
        command = prepare_resume(app, db, session)
    go_back(session, command)
