"""The order of the folders: which may import which, and which libraries belong where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

STDLIB = sys.stdlib_module_names
MOST_MODULES = 20  # in one folder; more are more than one idea
# Each folder may import itself and the ones before it.
ORDER = (
    "hooks",
    "journal",  # the ground: errors, layout, times, printable
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
    "sync",  # what ties it together: cycle, watch, slow_stages, daily_log
    "journal.cli.screen",
    "journal.browse",
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
    "sync.watch": {"watchdog"},
}
GROUND = {
    "journal.agents.contract": "journal.agents.ground",
    "journal.agents.entry": "journal.agents.ground",
    "journal.agents.fields": "journal.agents.ground",
    "journal.agents.patches": "journal.agents.ground",
    "sync.errors": "sync.ground",
    "sync.conditions": "sync.ground",
}
# These modules of `journal.cli` are shared by its commands, and by what people look at.
SHARED = {
    "journal.cli.app", "journal.cli.browsing", "journal.cli.completing", "journal.cli.filters",
    "journal.cli.follow", "journal.cli.process",
}  # fmt: skip
# `collections.abc` is for annotations alone: a test below says what a hook loads.
# Loaded by the interpreter anyway, but for the last, which is for odd paths alone.
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
    """The full names of what a file imports, wherever in it, also for type checkers alone."""
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


IMPORTS = {module: imports(path) for module, path in MODULES.items()}


def test_a_module_imports_its_own_folder_and_those_below() -> None:
    wrong = []
    for module in MODULES.keys() - {"journal.__main__"}:
        place = ORDER.index(folder_of(module))
        is_command = folder_of(module).startswith(
            ("journal.cli.", "journal.web", "journal.browse", "journal.mcp")
        )
        for other in IMPORTS[module] & set(MODULES):
            allowed = ORDER.index(folder_of(other)) <= place
            if not (allowed or (is_command and other in SHARED)):
                wrong.append(f"{module} imports {other}")
    assert not wrong


def test_a_library_is_imported_where_it_belongs() -> None:
    wrong = []
    for module in MODULES:
        allowed = set(HOOKS_MAY) if module.startswith("hooks") else set(STDLIB)
        for place, names in LIBRARIES.items():
            if module == place or module.startswith(f"{place}."):
                allowed |= names
        tops = {name.partition(".")[0] for name in IMPORTS[module]}
        wrong += [f"{module} imports {top}" for top in tops - allowed - TOPS]
    assert not wrong


def test_no_folder_holds_more_modules_than_one_idea_needs() -> None:
    folders: dict[Path, int] = {}
    for path in MODULES.values():
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(p): n for p, n in folders.items() if n > MOST_MODULES} == {}


def test_every_folder_says_what_its_idea_is() -> None:
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


@pytest.mark.parametrize("words", [["search", "word"], ["sync", "--json"]])
def test_a_command_loads_nothing_heavy_that_it_does_not_use(
    tmp_path: Path, words: list[str]
) -> None:
    """Libraries of other commands: each costs a person more time than the search itself."""
    heavy = "('httpx', 'mcp', 'psycopg', 'starlette', 'textual', 'uvicorn', 'watchdog')"
    code = "import sys; from journal import cli\n"
    code += f"cli.run(['--home', {str(tmp_path / 'home')!r}, *{words!r}])\n"
    code += f"print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.endswith("[]\n"), done
