"""The commands. This is the only place that prints errors and turns them into exit codes."""

import importlib
import io
import keyword
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from journal import __version__, verbose
from journal.cli.app import App
from journal.cli.arguments import readable
from journal.errors import JournalError

# Help lists the commands in these groups; each group is a folder, each command a module in it.
GROUPS = {
    "Every day": ("sessions", "show", "search", "context"),
    "Look": ("web", "browse", "usage", "digest", "resume"),
    "Set-up": ("install", "import", "uninstall", "doctor", "status", "archive"),
    "Keep or delete": ("pin", "unpin", "forget", "export", "redact", "off", "on"),
    "Plumbing": ("sync", "watch", "bind", "replay", "prune", "logs", "run", "mcp", "completion"),
}
_HELP_COLUMNS = 52
_FOLDERS = {
    "Every day": "daily", "Look": "look", "Set-up": "setup",
    "Keep or delete": "keep", "Plumbing": "plumbing",
}  # fmt: skip
# Names that people know from other programs. Help does not list them.
_ALIASES = {"ls": "sessions", "log": "sessions"}
_FLAGS = ("help", "version")  # options elsewhere
_MODULES = {"unpin": "pin", "uninstall": "install", "on": "off"}


def _set_home(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value:
        ctx.ensure_object(App).home = value


def home_option() -> click.Option:
    """`--home`, which may come before or after the command."""
    return click.Option(
        ["--home"],
        metavar="DIR",
        help="The journal's home (default: $JOURNAL_HOME or ~/.agent-journal).",
        expose_value=False,
        is_eager=True,
        callback=_set_home,
    )


def _set_verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        verbose.turn_on()


def verbose_option() -> click.Option:
    """`--verbose`, which may come before or after the command."""
    return click.Option(
        ["--verbose"],
        is_flag=True,
        help="Print each step to stderr (also: JOURNAL_LOG=debug).",
        expose_value=False,
        is_eager=True,
        callback=_set_verbose,
    )


class _Formatter(click.HelpFormatter):
    """Help that fits a narrow screen: what cannot be folded is cut."""

    def __init__(self, **options: Any) -> None:
        import shutil  # slow to load

        super().__init__(**options)
        columns = shutil.get_terminal_size().columns
        if columns < _HELP_COLUMNS:  # narrower than click's help ever is
            self.width = columns

    def getvalue(self) -> str:
        text = super().getvalue()
        if self.width >= _HELP_COLUMNS:
            return text
        return "\n".join(line[: self.width] for line in text.split("\n"))


class _Context(click.Context):
    formatter_class = _Formatter


class _Group(click.Group):
    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for names in GROUPS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in self.list_commands(ctx):
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name  # PEP 8: import_
        folder = next(_FOLDERS[title] for title, names in GROUPS.items() if cmd_name in names)
        module = importlib.import_module(f"journal.cli.{folder}.{_MODULES.get(cmd_name, name)}")
        command: click.Command = getattr(module, name)
        below = command.commands.values() if isinstance(command, click.Group) else ()
        for one in (command, *below):
            one.context_class = _Context
            if not any(parameter.name == "home" for parameter in one.params):
                one.params += [home_option(), verbose_option()]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in GROUPS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(title):
                rows = [(name, c.get_short_help_str(200)) for name, c in commands if c]
                formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in _FLAGS:
            if args[0] == "help" and len(args) > 1:
                return (*self.resolve_command(ctx, args[1:2])[:2], ["--help"])
            click.echo(ctx.get_help() if args[0] == "help" else f"agent-journal {__version__}")
            ctx.exit()
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx) from error


@click.group(
    cls=_Group,
    invoke_without_command=True,
    params=[home_option(), verbose_option()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, prog_name="agent-journal", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A journal of your coding agents' sessions.

    Without a command it shows the board: what waits for you, what runs, what is done.
    """
    ctx.ensure_object(App)
    if ctx.invoked_subcommand is None:
        from journal.cli.daily.board import show_board

        show_board(ctx.obj)


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit code; no traceback reaches the user.

    It skips the interpreter's own clean-up, a ninth of a search: the command closes what it has to
    close.
    """
    code = run(args)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):  # `run` has flushed what it could, and said what it could not
                stream.flush()
    os._exit(code)


def run(args: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. Errors are one line on stderr, with a hint."""
    _replace_what_the_encoding_lacks()
    try:
        result: Any = cli.main(
            args=list(map(readable, sys.argv[1:] if args is None else args)),
            prog_name="journal",
            standalone_mode=False,
        )
        if sys.stdout is not None:
            sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        _say("stopped")
        return 130
    except SystemExit as stop:  # click and rich leave so when the reader of a pipe has left
        return _reader_left() if stop.code == 1 else 1
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # noqa: BLE001 - the boundary: a bug is one line, too
        return _report(error)
    return result if isinstance(result, int) else 0


def _report(error: Exception) -> int:
    """Say what went wrong, and what to do; the exit code."""
    match error:
        case JournalError():
            _say(str(error), error.hint)
            return error.exit_code
        case click.exceptions.NoArgsIsHelpError():  # `journal archive` without a subcommand
            error.show()
            return error.exit_code
        case click.ClickException():
            _say(*_click_text(error))
            return error.exit_code
        case OSError():  # of the output: commands explain all others
            place = error.filename or "cannot write the output"
            _say(f"{place}: {error.strerror or error}", "check the free space and the rights")
            return 1
    if os.environ.get("JOURNAL_DEBUG"):
        raise error
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    _say(f"unexpected {what}", "nothing is lost; JOURNAL_DEBUG=1 shows where, please report it")
    return 1


def _replace_what_the_encoding_lacks() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _say(text: str, hint: str = "") -> None:
    """One line on stderr, if that can be written: without secrets and what a terminal obeys."""
    from journal.printable import one_line
    from journal.redaction.messages import redacted

    line = redacted(text + (f" ({hint})" if hint else ""))
    with suppress(OSError):
        click.echo(f"journal: {one_line(line)}", err=True)


def _click_text(error: click.ClickException) -> tuple[str, str]:
    """What is wrong with the command line, and what to do."""
    text = " ".join(error.format_message().split()).rstrip(".")
    text, _, hint = text.partition(". ")
    if not hint:
        ctx = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"see: {ctx.command_path if ctx else 'journal'} --help"
    return text[:1].lower() + text[1:], hint[:1].lower() + hint[1:]


def _reader_left() -> int:
    """The reader of a pipe has all it wanted: that is success."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0
