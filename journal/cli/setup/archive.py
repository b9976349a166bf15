"""`journal archive`: makes the team archive, reports its state, shares projects."""

import os

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.output import print_json


@click.group()
def archive() -> None:
    """Set up, inspect and share the team archive on PostgreSQL.

    The archive is set with [remote] kind = "postgres" in config.toml; docs/archive.md shows how.
    """


@archive.command()
@click.option("--dry-run", is_flag=True, help="Print the SQL for psql; change nothing.")
@pass_app
def init(app: App, dry_run: bool) -> None:
    """Create or upgrade the archive.

    For an administrator: the role must own the database and may create roles. Afterwards grant
    agent_journal_user to each person's login role. The command can be repeated at any time.
    """
    from sync.team_archive import administration

    remote = app.settings.remote
    if dry_run:
        click.echo(administration.script(remote, os.environ), nl=False)
        return
    made = administration.init(app.layout, remote, os.environ)
    what = "is up to date" if not made.steps else "is ready"
    click.echo(f"The team archive {made.archive} {what} (schema {made.schema}).")
    if made.steps:
        click.echo("Let people use it with: grant agent_journal_user to ROLE")


@archive.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@pass_app
def status(app: App, as_json: bool) -> None:
    """Show your part of the archive."""
    from sync.team_archive import administration

    with app.team_archive() as found:
        said = administration.status(found, app.layout, app.settings.remote)
        shared = administration.shares(found)
    if as_json:
        rows = [{"project": project, "role": role} for project, role in shared]
        print_json({**said, "shares": rows})
        return
    click.echo(f"Team archive {said['archive']}, schema {said['schema']}, as {said['role']}")
    for title, name in (("yours", "own"), ("shared with you", "shared")):
        part = said[name]
        click.echo(f"  {title:<16} {part['sessions']:,} sessions, {part['bytes']:,} bytes")
    click.echo(f"  {'last delivery':<16} {said['last_delivery'] or 'never'}")
    click.echo(f"  {'last pull':<16} {said['last_pull'] or 'never'}")
    for project, role in shared:
        click.echo(f"  you share {project} with {role}")


@archive.command()
@click.argument("project")
@click.argument("role")
@pass_app
def share(app: App, project: str, role: str) -> None:
    """Let ROLE read your sessions of PROJECT.

    ROLE is a person's role or a group role. PROJECT is a name or key as `journal sessions` shows
    it.
    """
    from sync.team_archive import administration

    with app.team_archive(read_only=False) as found:
        for name in administration.share(found, project, role):
            click.echo(f"Members of {role} can read your sessions of {name}.")


@archive.command()
@click.argument("project")
@click.argument("role")
@pass_app
def unshare(app: App, project: str, role: str) -> None:
    """Stop sharing PROJECT with ROLE.

    Copies that members of ROLE have pulled are deleted by their next pull.
    """
    from sync.team_archive import administration

    with app.team_archive(read_only=False) as found:
        for name in administration.unshare(found, project, role):
            click.echo(f"Members of {role} can no longer read your sessions of {name}.")
