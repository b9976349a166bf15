"""The command that an agent runs for a hook: POSIX sh that ends with exit 0, whatever is gone.

A Python whose script is missing exits with 2, and exit 2 blocks the agent's tool calls. So the
shell looks first: the home's copy, else the packaged one, else it keeps stdin in the spool by its
own means, under the rules of `hooks.emit.spool`: private folders of ours, no symlink, a name that
is given once the file is whole. Before all this it looks whether capture is off everywhere.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from hooks import emit
from journal.errors import JournalError, UsageError
from journal.layout import Layout

SILENCE = "JOURNAL_DISABLE"  # set to 1, every hook returns at once
_PROGRAM = "/hooks/run.py"
_SPOOL = "agent-journal-$(id -u)"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PROBE_SECONDS = 10.0
_HOME = re.compile(r"""h=((?:'[^']*'|"[^"]*"|[^\s;'"])+);""")

# No `:` or `exec` with a redirection: where that fails, the shell itself leaves with exit 2.
# `-` in expansions and `|| …` after mkdir bear the options that an exported SHELLOPTS sets.
# Links and rights are read off `ls -ld`, because `test` follows links and knows no modes.
_COMMAND = """\
h={home}; [ "${{{silence}-}}" = 1 ] || [ -e "$h/off" ] && exit 0; \
umask 077; r=$h/hooks/run.py; \
[ -r "$r" ] || r={packaged}; \
{{ [ -r "$r" ] && {python} -I -S "$r" "$h" {agent} {event}{durable} || {{ {keep}; }}; }} {quiet}; \
exit 0"""
_KEEP = """\
PATH=/usr/bin:/bin${{PATH:+:$PATH}}; {session}\
d=${{TMPDIR:-/tmp}}/agent-journal-$(id -u); \
for d in "$d" "$d/{key}"; do mkdir "$d" || [ -d "$d" ] || exit 0; \
case $(ls -ld "$d") in drwx------*) [ -O "$d" ] || exit 0;; *) exit 0;; esac; done; \
f=$d/{agent}.{event}.$s.$$-$(date +%s); set -C; \
cat >"$f.part" && [ -s "$f.part" ] && mv "$f.part" "$f.raw" || [ -s "$f.part" ] || \
rm -f "$f.part\""""
_SESSION = """\
s=${{{variable}-}}; case $s in ""|*[!A-Za-z0-9_-]*) s=unknown;; esac; \
[ ${{#s}} -le 128 ] || s=unknown; """


def hook_command(
    layout: Layout, agent: str, event: str, python: Path, packaged: Path, durable: bool
) -> str:
    """The command of one hook, for `sh -c`: it exits 0 and is silent, SessionStart's context aside.

    `python`: the base interpreter; `packaged`: the folder of the `hooks` package; `durable`: the
    hook waits for the disk. What only the shell could keep lies in the spool as
    `<agent>.<event>.<session or "unknown">.<pid>-<second>.raw`, stdin byte for byte.
    UsageError: a path is no UTF-8, which no settings file can hold.
    """
    if not _NAME.fullmatch(agent) or not _NAME.fullmatch(event):
        raise ValueError(f"not a name: {agent} {event}")
    home = str(layout.home)
    variable = emit.VARIABLES.get(agent, ("",))[0]
    session = _SESSION.format(variable=variable) if variable else "s=unknown; "
    key = emit.fingerprint(home)  # as in emit.spool_folder
    command = _COMMAND.format(
        silence=SILENCE,
        home=shlex.quote(home),
        packaged=shlex.quote(str(packaged / "run.py")),
        python=shlex.quote(str(python)),
        agent=agent,
        event=event,
        durable=" durable" if durable else "",
        keep=_KEEP.format(session=session, key=key, agent=agent, event=event),
        quiet="2>/dev/null" if event == "SessionStart" else ">/dev/null 2>&1",
    )
    try:
        command.encode()
    except UnicodeEncodeError as error:
        hint = "choose another --home, or install the application elsewhere"
        raise UsageError("a path of the hook command is not UTF-8", hint) from error
    return command


def is_ours(command: str, home: Path | None = None) -> bool:
    """Whether `hook_command` of any version, with any interpreter, made it (for `home`, if given).

    Every version names the hook program and the spool; the spool's folder names the home.
    """
    ours = _PROGRAM in command and _SPOOL in command
    return ours and (home is None or f"/{emit.fingerprint(str(home))}" in command)


def home_of(command: str) -> str:
    """The home that a command of ours names; "" if it is written in another way."""
    found = _HOME.match(command)
    try:
        return shlex.split(found[1])[0] if found else ""
    except (ValueError, IndexError):
        return ""


def base_interpreter() -> Path:
    """The interpreter that outlives the application's environment; it was run to see that it works.

    Its symlinks stay unresolved: `/opt/homebrew/opt/python@3.12/bin/python3.12` survives the
    upgrade that removes what it points to. JournalError: there is none.
    """
    base = Path(getattr(sys, "_base_executable", "") or sys.executable).absolute()
    for path in (base, base.resolve()):
        # An environment that knows no better base names itself.
        own = sys.prefix != sys.base_prefix and path.is_relative_to(sys.prefix)
        if not own and _runs(path):
            return path
    hint = "install the application with a Python that has a base interpreter"
    raise JournalError(f"the hooks cannot be run by {base}", hint)


def _runs(python: Path) -> bool:
    try:
        tried = subprocess.run(
            [python, "-I", "-S", "-c", "pass"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0
