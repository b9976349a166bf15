"""`journal mcp`: the journal as a server for agents."""

import click

from journal.cli.app import App, pass_app


@click.command()
@pass_app
def mcp(app: App) -> None:
    """Answer agents over the Model Context Protocol, on stdin and stdout.

    `journal install` registers it with the agents that speak MCP; they start it themselves. Its
    tools read the journal and change nothing: search, session, recent, file_history,
    command_history and error_history. It exits when stdin is closed.
    """
    from journal.mcp.server import serve

    serve(app)
