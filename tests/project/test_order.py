"""The order of the folders: which may import which, and which libraries belong where."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import recordings
from journal import cli
from journal.cli import app
from places import ROOT

STDLIB = sys.stdlib_module_names
MOST_MODULES = 20  # in one folder
# Each folder may import itself and the ones before it.
ORDER = (
    "hooks",
    "journal",  # used by all others: errors, layout, times, printable
    "journal.record",
    "journal.settings",
    "journal.redaction",
    "journal.session",
    "journal.context",
    "journal.agents.ground",  # contract, entry, fields, patches
    "journal.agents.claude_code",
    "journal.agents.codex",
    "journal.agents.copilot_cli",
    "journal.agents.opencode",
    "journal.agents.gemini_cli",
    "journal.agents.qwen_code",
    "journal.agents",
    "journal.setup",
    "journal.doctor",
    "sync.ground",  # errors and conditions
    "sync.store",
    "sync.views",
    "sync.ingest",
    "sync.transcripts",
    "sync.query",
    "sync.query.costs",
    "sync.recall",
    "sync.pages",
    "sync.memory",
    "sync.remote",
    "sync.remote.postgres",
    "sync.delivery",
    "sync.retention",
    "sync.forgetting",
    "sync.rescan",
    "sync.rebuild",
    "sync.transfer",
    "sync.team_archive",
    "sync.checkup",
    "sync",  # what runs all of it: cycle, watch, slow_stages, daily_log
    "journal.cli.ground",  # what commands share: app, filters, ...
    "journal.cli.screen",
    "journal.browse",
    "journal.cli.browsing",
    "journal.cli.daily",
    "journal.cli.setup",
    "journal.cli.keep",
    "journal.web",
    "journal.mcp",
    "journal.cli.look",
    "journal.cli.plumbing",
    "journal.cli",
)
# What a folder may import from outside, with all folders below it.
LIBRARIES = {
    "journal": {"pydantic", "pydantic_core", "orjson"},
    "journal.redaction": {"ahocorasick_rs", "hyperscan"},
    "journal.cli": {"apsw", "click", "rich", "orjson"},
    "journal.web": {"apsw", "click", "jinja2", "markupsafe", "orjson", "starlette", "uvicorn"},
    "journal.mcp": {"anyio", "apsw", "mcp", "mcp_types", "pydantic"},
    "journal.browse": {"apsw", "rich", "textual"},
    "sync": {"apsw", "orjson", "zstandard"},
    "sync.pages": {"jinja2", "markdown_it", "markupsafe", "pygments"},
    "sync.query.costs.prices": {"genai_prices"},
    "sync.remote": {"httpx", "psycopg"},
    "sync.team_archive": {"psycopg"},
    "sync.folder_observer": {"watchdog"},
}
GROUND = {
    "journal.agents.contract": "journal.agents.ground",
    "journal.agents.transcript_entry": "journal.agents.ground",
    "journal.agents.fields": "journal.agents.ground",
    "journal.agents.patches": "journal.agents.ground",
    "sync.errors": "sync.ground",
    "sync.conditions": "sync.ground",
    "journal.cli.waiting": "journal.cli.ground",
    "journal.cli.logged_pass": "journal.cli.ground",
    "journal.cli.app": "journal.cli.ground",
    "journal.cli.completing": "journal.cli.ground",
    "journal.cli.filters": "journal.cli.ground",
    "journal.cli.follow": "journal.cli.ground",
    "journal.cli.process": "journal.cli.ground",
    "journal.cli.browsing": "journal.cli.browsing",
}
# What people and agents use is imported by its own command only.
COMMANDS = {
    "journal.browse": "journal.cli.browsing",
    "journal.web": "journal.cli.look.web",
    "journal.mcp": "journal.cli.plumbing.mcp",
}
# The model has no SQL and no network. The exceptions read an agent's own database, and connect to
# the socket of a running agent.
NETWORK = {"asyncio", "http", "socket", "socketserver", "sqlite3", "ssl", "urllib"}
MAY_CONNECT = {"journal.agents.opencode.database", "journal.doctor.canary"}
# `collections.abc` is for annotations only: a test below says what a hook loads. The others are
# loaded by the interpreter in any case, except for the last, which only unusual paths need.
HOOKS_MAY = {"os", "posix", "sys", "time", "_thread", "collections", "unicodedata"}
TOPS = {"hooks", "journal", "sync"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    module_name(path): path
    for top in ("hooks", "journal", "sync")
    for path in sorted((ROOT / top).rglob("*.py"))
}


def folder_of(module: str) -> str:
    if module in GROUND:
        return GROUND[module]
    if MODULES[module].name == "__init__.py":
        return module
    return module.rpartition(".")[0]


def imports(path: Path) -> set[str]:
    """The full names of all imports in a file, also in functions and TYPE_CHECKING blocks."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else str(node.module))
    return found


@functools.cache
def all_imports() -> dict[str, set[str]]:
    """The imports of each module: read for the tests that look, not by each process of a run."""
    return {module: imports(path) for module, path in MODULES.items()}


def wrong_imports(module: str, imported: set[str]) -> list[str]:
    """The imports that run upwards, or into what only a command may import."""
    place = ORDER.index(folder_of(module))
    wrong = []
    for other in imported & MODULES.keys():
        upwards = ORDER.index(folder_of(other)) > place
        top = ".".join(other.split(".")[:2])
        may = COMMANDS.get(top) == module or module.startswith(top)
        if upwards or (top in COMMANDS and not may):
            wrong.append(f"{module} imports {other}")
    return wrong


def wrong_libraries(module: str, imported: set[str]) -> list[str]:
    """The imports from outside that this module may not have."""
    allowed = set(HOOKS_MAY) if module.startswith("hooks") else set(STDLIB)
    if ORDER.index(folder_of(module)) < ORDER.index("sync.ground"):
        allowed -= set() if module in MAY_CONNECT else NETWORK
    for place, names in LIBRARIES.items():
        if _is_in(module, place):
            allowed |= names
    tops = {name.partition(".")[0] for name in imported}
    return [f"{module} imports {top}" for top in tops - allowed - TOPS]


def test_a_module_imports_its_own_folder_and_those_below() -> None:
    checked = MODULES.keys() - {"journal.__main__"}
    assert not [wrong for one in checked for wrong in wrong_imports(one, all_imports()[one])]


def test_a_library_is_imported_where_it_belongs() -> None:
    checked = MODULES.keys() - {"journal.__main__"}
    assert not [wrong for one in checked for wrong in wrong_libraries(one, all_imports()[one])]


def test_an_import_from_any_higher_folder_is_found() -> None:
    """Of each folder one module, with an import of a module of each folder above it."""
    one_of = {folder_of(module): module for module in MODULES if module != "journal.__main__"}
    folders = [one_of[folder] for folder in ORDER if folder in one_of]
    for place, module in enumerate(folders):
        for other in folders[place + 1 :]:
            assert wrong_imports(module, {other}) == [f"{module} imports {other}"]
        for library in ("psycopg", "textual", "yaml"):
            may = any(library in names for at, names in LIBRARIES.items() if _is_in(module, at))
            assert bool(wrong_libraries(module, {library})) != may


def _is_in(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def test_no_folder_has_more_than_20_modules() -> None:
    folders: dict[Path, int] = {}
    for path in MODULES.values():
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(p): n for p, n in folders.items() if n > MOST_MODULES} == {}


def test_every_folder_has_a_docstring() -> None:
    for folder in {path.parent for path in MODULES.values()}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder


def test_the_emitter_loads_nothing_that_the_interpreter_has_not() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
    code += "import hooks.emit; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True)
    assert (done.stdout, done.stderr) == (b"['hooks', 'hooks.emit']\n", b"")


@pytest.mark.parametrize("module", ["journal.cli", "journal.cli.app", "journal.cli.plumbing.sync"])
def test_a_command_line_loads_nothing_heavy_before_it_knows_the_command(module: str) -> None:
    heavy = "('apsw', 'httpx', 'pydantic', 'rich')"
    code = f"import sys, {module}\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (["search", "zzqq"], ["pydantic", "hashlib", "shutil", "journal.session.state"]),
        ([], ["sync.cycle", "journal.redaction.rules"]),
        (["sync", "--json"], []),
    ],
)
def test_a_command_loads_nothing_heavy_that_it_does_not_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], more: list[str]
) -> None:
    """Libraries of other commands: each costs a person more time than the search itself.

    A search of a home that is up to date needs no settings, even if it finds nothing; the board
    of one needs no pass.
    """
    home = tmp_path / "home"
    recordings.write_journal(home, "i-clear")
    monkeypatch.setattr(app, "CATCH_UP_SECONDS", 60)
    assert cli.run(["--home", str(home), "sessions"]) == 0
    heavy = ["httpx", "mcp", "psycopg", "starlette", "textual", "uvicorn", "watchdog", *more]
    code = "import sys; from journal import cli\n"
    code += f"cli.run(['--home', {str(home)!r}, *{words!r}])\n"
    code += f"print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith("[]\n"), done
