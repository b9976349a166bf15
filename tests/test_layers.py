"""The layers: who may import whom. What is not allowed here is not allowed anywhere."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STDLIB = sys.stdlib_module_names
# layer → what it may import beside the standard library and itself
ALLOWED = {
    "hooks": {"hooks"},
    "journal": {"journal", "hooks", "pydantic", "pydantic_core", "orjson"},
    "sync": {"sync", "journal", "hooks", "apsw", "orjson", "zstandard"},
}
# a file may import more, because this is where that library belongs
MORE = {
    "journal/cli": {"sync", "click", "rich", "apsw"},
    "sync/watch.py": {"watchdog"},
    "sync/remote": {"httpx"},
    "journal/redaction_prefilter.py": {"hyperscan"},
}


def files() -> list[str]:
    return [
        str(path.relative_to(ROOT)) for layer in ALLOWED for path in (ROOT / layer).rglob("*.py")
    ]


def imports(path: Path) -> set[str]:
    """The full names of all modules that a file imports, wherever in it."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # for type checkers alone: nothing is loaded
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("name", files())
def test_a_file_imports_what_its_layer_may(name: str) -> None:
    layer = name.partition("/")[0]
    allowed = set(ALLOWED[layer])
    for place, more in MORE.items():
        allowed |= more if name.startswith(place) else set()
    for module in imports(ROOT / name):
        top = module.partition(".")[0]
        assert top in allowed or (top in STDLIB and layer != "hooks") or top in HOOKS, module
        cli = module.startswith("journal.cli")
        assert not cli or name.startswith("journal/cli") or name == "journal/__main__.py"


HOOKS = {"os", "sys", "time"}


def test_the_emitter_loads_os_sys_and_time_and_nothing_else() -> None:
    code = f"import os, sys, time; sys.path.insert(0, {str(ROOT)!r}); before = set(sys.modules)\n"
    code += "import hooks.emit; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True)
    assert (done.stdout, done.stderr) == (b"['hooks', 'hooks.emit']\n", b"")


@pytest.mark.parametrize("module", ["journal.cli", "journal.cli.app", "journal.cli.sync"])
def test_a_command_line_loads_nothing_heavy_before_it_knows_the_command(module: str) -> None:
    heavy = "('apsw', 'pydantic', 'rich')"
    code = f"import sys, {module}\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")
