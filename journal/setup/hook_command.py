"""The command that an agent runs for a hook: POSIX sh that exits 0 also if all files are gone.

The interpreter gets a few lines that find the programs: the home's copy, else the packaged one. If
it cannot run them, or the home does not answer for two seconds, the shell keeps stdin in the spool
by its own means, under the rules of `hooks.emit.spool`: private folders of this user, no symlink, a
name that is given once the file is complete.

The shell itself looks at nothing in the home before that: on a mount that hangs not even a `stat`
returns, and the kernel does not end a process that waits for one.
"""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hooks import emit
from journal.errors import JournalError, UsageError
from journal.layout import Layout

SILENCE = "JOURNAL_DISABLE"  # set to 1, every hook returns at once
_PROGRAM = "/hooks/run.py"
_SPOOL = "agent-journal-$(id -u)"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PROBE_SECONDS = 10.0

# No `:` or `exec` with a redirection: where that fails, the shell itself leaves with exit 2.
# `-` in expansions and `|| …` after mkdir bear the options that an exported SHELLOPTS sets.
# Links and rights are read off `ls -ld`, because `test` follows links and knows no modes.
# Some agents run hooks in the terminal's own group: Ctrl-C there must not cost a record.
# The program runs in the background, where its stdin is /dev/null unless it is named: the shell
# ends at a signal (hooks.emit.limit_wait) even if the kernel does not let the program go.
_BEGIN = """\
h={home}; w=; [ "${{{silence}-}}" = 1 ] && exit 0; trap '' INT HUP; umask 077; \
trap 'exit 0' USR1; trap w=1 USR2; """
# `set --` ends with the folder of the packaged programs. `$w`: the home does not answer, so it is
# not asked whether capture is off.
_RUN = """\
{{ set -- {python} -I -S -c {code} "$h" {agent} {event}{options} {packaged} && \
if {{ true 3<&0; }}; then {{ "$@" <&3 3<&- & }} 3<&0 && wait $!; else "$@"; fi || \
{{ [ -z "$w" ] && [ -e "$h/off" ] && exit 0; {keep}; }}; }} {quiet}; exit 0"""
# What `hooks/run.py` does, with a limit from the start. `f` runs after two seconds: once the module
# has seen the home it sees to the rest (hooks.emit.watch); before that the agent gets its streams
# back and the shell its turn. The package is made here, because looking for it costs 2 % of a hook.
_CODE = """\
import sys,time,posix,_thread
a=sys.argv
b=[]
def f():
 time.sleep(2)
 if b:b[0]()
 n=posix.open("/dev/null",2)
 for d in 0,1,2:posix.dup2(n,d)
 p=posix.getppid()
 if"shell=%d"%p in a:posix.kill(p,sys.modules["_signal"].SIGUSR2)
 posix.closerange(3,256)
 posix._exit(1)
_thread.start_new_thread(f,())
r=a[1]+"/hooks/run.py"
m=sys.modules["hooks"]=type(sys)("hooks")
m.__path__=[r[:-7]if posix.access(r,4)else a[-1]]
for x in sys.pycache_prefix,"/dev/null":
 sys.pycache_prefix=x
 try:
  if a[3]=="SessionStart":from hooks.start import main
  else:from hooks.emit import main
  break
 except EOFError:0
main(a,b)"""
_KEEP = """\
PATH=/usr/bin:/bin${{PATH:+:$PATH}}; {session}\
d=${{TMPDIR:-/tmp}}/agent-journal-$(id -u); t=/tmp/agent-journal-$(id -u); \
for d in "$d" "$d/{key}"; do mkdir "$d" || [ -d "$d" ] || exit 0; \
case $(ls -ld "$d") in drwx------*) [ -O "$d" ] || exit 0;; *) exit 0;; esac; done; \
f=$d/{agent}.{event}.$s.$$-$(date +%s); set -C; \
cat >"$f.part" && [ -s "$f.part" ] && mv "$f.part" "$f.raw" || [ -s "$f.part" ] || \
rm -f "$f.part"; [ -e "$d.home" ] || printf %s "$h" >"$d.home" || exit 0; \
[ "$d" = "$t/{key}" ] || {{ {{ mkdir "$t" || [ -O "$t" ]; }} && \
printf %s "$d" >"$t/{key}.at-$$"; }} || exit 0"""
_SESSION = """\
s=${{{variable}-}}; case $s in ""|*[!A-Za-z0-9_-]*) s=unknown;; esac; \
[ ${{#s}} -le 128 ] || s=unknown; """
_SCRIPT = """\
# Written by `journal install`; it runs a hook of {agent}. Arguments: event, pid of the agent.
case ${{1-}} in ""|*[!A-Za-z0-9_-]*) exit 0;; esac
e=$1; {begin}
if [ "$e" = SessionStart ]; then
  {loud}
else
  {silent}
fi
"""
_NO_ERRORS, _NO_OUTPUT = "2>/dev/null", ">/dev/null 2>&1"
_CONSTANT = re.compile(r"/bin/sh (\S.*) [A-Za-z0-9_-]+ \"\$PPID\" 2>/dev/null \|\| true")


@dataclass(frozen=True, slots=True)
class Programs:
    """What runs the hooks of a home.

    `python`: the base interpreter; `packaged`: the folder of the `hooks` package, for a home that
    is gone; `durable`: a hook waits for the disk.
    """

    layout: Layout
    python: Path
    packaged: Path
    durable: bool


def hook_command(programs: Programs, agent: str, event: str) -> str:
    """The command of one hook, for `sh -c`: it exits 0; only SessionStart's prints, its context.

    What the shell alone could keep is in the spool as
    `<agent>.<event>.<session or "unknown">.<pid>-<second>.raw`, stdin byte for byte.
    UsageError: a path is not UTF-8, which no settings file can have.
    """
    _check(agent, event)
    quiet = _NO_ERRORS if event == "SessionStart" else _NO_OUTPUT
    pid = "" if _names_pid(agent) else f" {emit.PID}$PPID"
    return _utf8(_begin(programs) + _run(programs, agent, event, pid, quiet))


def hook_script(programs: Programs, agent: str) -> str:
    """The same for each event of an agent, as a file that takes the event and the agent's pid."""
    _check(agent)
    runs = [
        _run(programs, agent, '"$e"', f' {emit.PID}"${{2-}}"', quiet)
        for quiet in (_NO_ERRORS, _NO_OUTPUT)
    ]
    text = _SCRIPT.format(agent=agent, begin=_begin(programs), loud=runs[0], silent=runs[1])
    return _utf8(text)


def constant_command(layout: Layout, agent: str, event: str) -> str:
    """The command for an agent that trusts a hook by its text: it names the script in the home.

    It depends on the home alone. Without the script it keeps nothing, and blocks nothing.
    """
    _check(agent, event)
    file = shlex.quote(str(script_file(layout, agent)))
    return _utf8(f'/bin/sh {file} {event} "$PPID" 2>/dev/null || true')


def script_file(layout: Layout, agent: str) -> Path:
    """Where the script of `constant_command` lies."""
    return layout.hooks / f"{agent}.sh"


def is_ours(command: str, home: Path | None = None) -> bool:
    """Whether this module of any version, with any interpreter, made it (for `home`, if given).

    Every version names the hook program and the spool; the spool's folder names the home. A
    constant command names a script in the home.
    """
    if found := _CONSTANT.fullmatch(command):
        folder = os.path.dirname(shlex.split(found[1])[0])  # noqa: PTH120 - a text, not a place
        place, has_scripts = folder.removesuffix("/hooks"), folder.endswith("/hooks")
        return has_scripts and (home is None or place in Layout(home).names())
    if _PROGRAM not in command or _SPOOL not in command:
        return False
    if home is None:
        return True
    unique = Layout(home).id
    if unique and f"/{unique}" in command:
        return True
    return any(f"/{emit.fingerprint(name)}" in command for name in Layout(home).names())


def _check(*names: str) -> None:
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError(f"not a name: {' '.join(names)}")


def _begin(programs: Programs) -> str:
    return _BEGIN.format(
        home=shlex.quote(str(programs.layout.home)),
        silence=SILENCE,
    )


def _run(programs: Programs, agent: str, event: str, pid: str, quiet: str) -> str:
    variable = emit.VARIABLES.get(agent, ("",))[0]
    session = _SESSION.format(variable=variable) if variable else "s=unknown; "
    unique = programs.layout.id  # so that an empty folder in place of the home is recognised
    key = emit.spool_name(str(programs.layout.home), unique)
    return _RUN.format(
        python=shlex.quote(str(programs.python)),
        code=shlex.quote(_CODE),
        packaged=shlex.quote(str(programs.packaged)),
        agent=agent,
        event=event,
        options=(" durable" if programs.durable else "")
        + (f" {emit.HOME}{unique}" if unique else "")
        + f" {emit.SHELL}$$"
        + pid,
        keep=_KEEP.format(session=session, key=key, agent=agent, event=event),
        quiet=quiet,
    )


def _names_pid(agent: str) -> bool:
    return emit.VARIABLES.get(agent, ("", ""))[1] != ""


def _utf8(command: str) -> str:
    try:
        command.encode()
    except UnicodeEncodeError as error:
        hint = "choose another --home, or install the application elsewhere"
        raise UsageError("a path of the hook command is not UTF-8", hint) from error
    return command


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


@cache
def _runs(python: Path) -> bool:
    """Whether this interpreter starts; it is tried once, however many agents get hooks."""
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
