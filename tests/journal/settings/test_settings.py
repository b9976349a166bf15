"""Settings: the defaults, the file, the environment above it, and every way to get them wrong."""

import gc
import os
import re
import stat
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from journal.errors import UsageError
from journal.layout import Layout
from journal.settings.sources import MAX_CONFIG_BYTES, Settings, load_settings
from places import ROOT

EXAMPLE = ROOT / "config.example.toml"
SECRET = "hunter2-s3cr3t"


def load(layout: Layout, text: str | bytes, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a home whose config.toml holds `text`; no variable unless given."""
    layout.config.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(layout, environ or {})


def refused(
    layout: Layout, text: str | bytes, environ: Mapping[str, str] | None = None
) -> UsageError:
    """The error of a config.toml: exit 2, one line, with a hint."""
    with pytest.raises(UsageError) as caught:
        load(layout, text, environ)
    error = caught.value
    assert error.exit_code == 2
    assert len(str(error).splitlines()) == len(error.hint.splitlines()) == 1
    return error


def keys() -> list[tuple[str, str]]:
    """Every (section, key) there is."""
    tables = Settings().model_dump(by_alias=True)
    return [(section, key) for section, table in tables.items() for key in table]


# Defaults


def test_without_a_config_file_everything_is_the_default(layout: Layout) -> None:
    assert load_settings(layout, {}) == Settings()


def test_without_a_home_everything_is_the_default(tmp_path: Path) -> None:
    assert load_settings(Layout.at(tmp_path / "not" / "there"), {}) == Settings()


def test_the_documented_defaults_hold() -> None:
    made = Settings()
    assert (made.capture.durable, made.capture.autostart) == (False, True)
    assert (made.memory.agent, made.memory.timeout_seconds) == ("builtin", 120)
    assert made.memory.command[:2] == ("claude", "-p")
    assert (made.context.sessions, made.context.max_chars) == (3, 2000)
    assert made.context.sources == ("startup", "resume", "fork")
    assert made.sessions.reap_after_hours == 24
    assert set(made.sessions.adopt_on) == {
        "PreToolUse", "PostToolUse", "PostToolUseFailure", "attended_prompt", "planned"
    }  # fmt: skip
    remote = made.remote
    assert (remote.kind, remote.notebook) == ("none", "session_history")
    assert (remote.connect_timeout_seconds, remote.timeout_seconds) == (2, 10)
    assert (remote.pass_seconds, remote.min_interval_seconds) == (60, 300)
    assert remote.max_source_bytes == 1_000_000
    assert made.retry.model_dump() == {"first_seconds": 1, "max_seconds": 600, "max_attempts": 0}
    assert made.retention.model_dump() == {
        "journal_days": 7, "events_days": 0, "sessions_days": 0
    }  # fmt: skip
    assert made.redact.enabled
    assert made.watch.model_dump() == {"settle_ms": 200, "scan_seconds": 30}


def test_settings_cannot_be_changed_once_loaded() -> None:
    made = Settings()
    with pytest.raises(ValidationError):
        made.context.sessions = 4  # type: ignore[misc]
    with pytest.raises(ValidationError):
        made.context = made.context  # type: ignore[misc]


# The file


@pytest.mark.parametrize("text", [b"", b"\n\r\n", b"\xef\xbb\xbf", b"# nothing", b"[context]\n"])
def test_an_empty_config_file_means_the_defaults(layout: Layout, text: bytes) -> None:
    assert load(layout, text) == Settings()


def test_a_file_from_windows_with_bom_and_crlf_is_read(layout: Layout) -> None:
    made = load(layout, b"\xef\xbb\xbf[context]\r\nsessions = 5\r\nmax_chars = 900\r\n")
    assert (made.context.sessions, made.context.max_chars) == (5, 900)


def test_keys_that_are_not_named_keep_their_defaults(layout: Layout) -> None:
    made = load(layout, '[remote]\nkind = "folder"\npath = "~/backup"\n')
    assert (made.remote.kind, made.remote.path) == ("folder", "~/backup")
    assert made.remote.timeout_seconds == 10
    assert made.retention == Settings().retention


def test_seconds_may_be_fractions(layout: Layout) -> None:
    assert load(layout, "[retry]\nfirst_seconds = 0.25\n").retry.first_seconds == 0.25


def test_a_link_to_a_config_file_is_followed(layout: Layout, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("[context]\nsessions = 7\n")
    layout.config.symlink_to(kept)
    assert load_settings(layout, {}).context.sessions == 7


# The environment


def test_the_environment_beats_the_file(layout: Layout) -> None:
    environ = {"JOURNAL_CONTEXT__SESSIONS": "8"}
    made = load(layout, "[context]\nsessions = 5\nmax_chars = 900\n", environ)
    assert (made.context.sessions, made.context.max_chars) == (8, 900)


def test_the_environment_mends_a_bad_value_of_the_file(layout: Layout) -> None:
    environ = {"JOURNAL_CONTEXT__SESSIONS": "8"}
    assert load(layout, '[context]\nsessions = "x"\n', environ).context.sessions == 8


def test_the_environment_of_the_process_is_read(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_WATCH__SETTLE_MS", "70")
    assert load_settings(layout).watch.settle_ms == 70


def test_the_environment_has_numbers_switches_texts_and_json_lists(layout: Layout) -> None:
    environ = {
        "JOURNAL_CAPTURE__DURABLE": "True",
        "JOURNAL_CAPTURE__AUTOSTART": "0",
        "JOURNAL_CAPTURE__EXCLUDE_TOOLS": '["Read", "Grep"]',
        "JOURNAL_RETRY__FIRST_SECONDS": "0.5",
        "JOURNAL_REMOTE__TIMEOUT_SECONDS": "7",
        "JOURNAL_REMOTE__WORKSPACE": "12",
        "JOURNAL_MEMORY__AGENT": "external",
        "JOURNAL_SESSIONS__ADOPT_ON": '["planned"]',
    }
    made = load_settings(layout, environ)
    assert (made.capture.durable, made.capture.autostart) == (True, False)
    assert made.capture.exclude_tools == ("Read", "Grep")
    assert (made.retry.first_seconds, made.remote.timeout_seconds) == (0.5, 7)
    assert made.remote.workspace == "12"
    assert made.memory.agent == "external"
    assert made.sessions.adopt_on == ("planned",)


def test_every_key_can_be_set_by_the_environment(layout: Layout) -> None:
    environ = {}
    for section, table in Settings().model_dump(mode="json", by_alias=True).items():
        for key, value in table.items():
            text = value if isinstance(value, str) else str(value).replace("'", '"')
            environ[f"JOURNAL_{section}__{key}".upper()] = text
    assert load_settings(layout, environ) == Settings()
    assert len(environ) == len(keys())


def test_variables_that_are_not_settings_are_ignored(layout: Layout) -> None:
    environ = {
        "JOURNAL_HOME": "/x",
        "JOURNAL_DISABLE": "1",
        "JOURNAL_PLAN": "nightly",
        "JOURNAL_STREAM": "8:123",
        "MY_JOURNAL_CONTEXT__SESIONS": "3",
        "CONTEXT__SESIONS": "3",
    }
    assert load_settings(layout, environ) == Settings()


def test_an_unknown_key_in_the_environment_is_named_with_its_variable(layout: Layout) -> None:
    error = refused(layout, "", {"JOURNAL_CONTEXT__SESIONS": "3"})
    assert str(error) == "JOURNAL_CONTEXT__SESIONS: context.sesions is not a known key"
    assert error.hint == "did you mean `sessions`?"


def test_an_unknown_section_in_the_environment_is_named_with_its_variable(layout: Layout) -> None:
    error = refused(layout, "", {"JOURNAL_CONTXT__SESSIONS": "3"})
    assert str(error) == "JOURNAL_CONTXT__SESSIONS: contxt is not a known section"
    assert error.hint == "did you mean `context`?"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("JOURNAL_SESSIONS__REAP_AFTER_HOURS", "x", "must be a whole number"),
        ("JOURNAL_SESSIONS__REAP_AFTER_HOURS", "", "must be a whole number"),
        ("JOURNAL_SESSIONS__REAP_AFTER_HOURS", "9" * 5000, "must be a whole number"),
        ("JOURNAL_CAPTURE__DURABLE", "perhaps", "must be true or false"),
        ("JOURNAL_RETRY__FIRST_SECONDS", "nan", "must be"),
        ("JOURNAL_RETRY__FIRST_SECONDS", "soon", "must be a number"),
        ("JOURNAL_CAPTURE__EXCLUDE_TOOLS", "Read,Grep", "must be a list"),
        ("JOURNAL_CAPTURE__EXCLUDE_TOOLS", '{"Read": 1}', "must be a list"),
        ("JOURNAL_CAPTURE__EXCLUDE_TOOLS", '["Read", 1]', "item 2, must be text"),
        ("JOURNAL_CAPTURE__EXCLUDE_TOOLS", "[" * 5000, "must be a list"),
        ("JOURNAL_MEMORY__AGENT", "\udcff", "must be"),
        ("JOURNAL_REMOTE__KIND", "folder", "remote.path is needed with kind"),
    ],
)
def test_a_bad_value_in_the_environment_is_blamed_on_the_variable(
    layout: Layout, name: str, text: str, problem: str
) -> None:
    error = refused(layout, "", {name: text})
    assert str(error).startswith(f"{name}: {name[8:].lower().split('__')[0]}.")
    assert problem in str(error)


def test_a_bad_value_in_the_file_is_not_blamed_on_the_environment(layout: Layout) -> None:
    error = refused(layout, "[context]\nsessions = -1\n", {"JOURNAL_CONTEXT__MAX_CHARS": "300"})
    assert str(error).startswith(f"{layout.config}: context.sessions ")


# Wrong keys


@pytest.mark.parametrize(
    ("text", "name", "hint"),
    [
        ("[context]\nsesions = 3", "context.sesions", "did you mean `sessions`?"),
        ("[context]\nMAX_CHARS = 3", "context.MAX_CHARS", "did you mean `max_chars`?"),
        ("[retension]\njournal_days = 3", "retension", "did you mean `retention`?"),
        ("journal_days = 3", "journal_days", "`journal_days` belongs under [retention]"),
        ("[memory]\nurl = 'x'", "memory.url", "`url` belongs under [remote]"),
        ("[watch]\nzzz = 1", "watch.zzz", "settle_ms, scan_seconds"),
        ("[zzz]", "zzz", "capture, memory, context"),
        ('[watch]\n"" = 1', "watch. ", "settle_ms, scan_seconds"),
        ('[watch]\n"a\\nb\\u001b" = 1', r"watch.a\nb\x1b", "settle_ms, scan_seconds"),
    ],
)
def test_an_unknown_key_is_named_and_a_likely_one_offered(
    layout: Layout, text: str, name: str, hint: str
) -> None:
    error = refused(layout, text)
    assert str(error).startswith(f"{layout.config}: {name.strip()} is not a known ")
    assert hint in error.hint


def test_a_very_long_unknown_key_is_cut(layout: Layout) -> None:
    error = refused(layout, f"[watch]\n{'k' * 10_000} = 1")
    assert len(str(error)) < len(str(layout.config)) + 150


def test_of_several_errors_the_first_is_shown_and_the_others_counted(layout: Layout) -> None:
    text = "[context]\nsessions = -1\nmax_chars = 9\nsesions = 1\n"
    error = refused(layout, text)
    assert "context.sessions must be greater than or equal to 0" in str(error)
    assert str(error).endswith(" (+2 more)")


# Bad values


@pytest.mark.parametrize(
    ("section", "line", "problem"),
    [
        ("sessions", 'reap_after_hours = "x"', "must be a whole number"),
        ("sessions", "reap_after_hours = true", "must be a whole number"),
        ("sessions", "reap_after_hours = 1.5", "must be a whole number"),
        ("sessions", "reap_after_hours = -1", "must be greater than or equal to 1"),
        ("sessions", 'adopt_on = ["Stop"]', "'planned'"),
        ("retention", "journal_days = -7", "must be greater than or equal to 0"),
        ("retention", "events_days = 99999999999999999999", "must be less than or equal to"),
        ("retry", "first_seconds = nan", "must be"),
        ("retry", "max_seconds = inf", "must be"),
        ("retry", "first_seconds = 0", "must be greater than 0"),
        ("retry", "max_seconds = 0.5", "must not be below first_seconds"),
        ("remote", "timeout_seconds = false", "must be a number"),
        ("remote", "timeout_seconds = 2026-11-21", "must be a number"),
        ("remote", 'kind = "ftp"', "must be 'none', 'folder', 'mindspring' or 'postgres'"),
        ("remote", 'path = "backup"', "must be an absolute path or start with ~/"),
        ("remote", 'url = "example.com"', "must start with https://"),
        ("remote", 'token_env = "ab-cd ef"', "must be the name of an environment variable"),
        ("remote", 'token_command = "pass"', "must be a list"),
        ("remote", 'notebook = ""', "must not be empty"),
        ("memory", 'agent = "gpt"', "must be 'builtin', 'external' or 'command'"),
        ("memory", 'command = [""]', "item 1, must not be empty"),
        ("memory", 'command = ["a\\u0000"]', "must not hold a NUL character"),
        ("context", "max_chars = 4001", "must be less than or equal to 4000"),
        ("context", 'sources = ["clear"]', "must be 'startup', 'resume' or 'fork'"),
        ("capture", "durable = 1", "must be true or false"),
        ("capture", "exclude_projects = [1]", "item 1, must be text"),
        ("capture", 'transcript_roots = ["logs"]', "must be an absolute path"),
        ("redact", "patterns = ['ok', '(']", "item 2, is not a regular expression"),
        ("redact", "patterns = ['a{99999999999999999999}']", "is not a regular expression"),
        ("redact", "allow = ['[']", "is not a regular expression"),
        ("redact", "allow = ['x*']", "matches the empty text"),
        ("watch", 'settle_ms = "200"', "must be a whole number"),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_right(
    layout: Layout, section: str, line: str, problem: str
) -> None:
    error = refused(layout, f"[{section}]\n{line}\n")
    assert str(error).startswith(f"{layout.config}: {section}.{line.partition(' =')[0]}")
    assert problem in str(error)
    assert "config.example.toml" in error.hint


def test_a_section_must_be_a_table(layout: Layout) -> None:
    for text in ("context = 3", "[[context]]\nsessions = 3"):
        error = refused(layout, text, {"JOURNAL_CONTEXT__SESSIONS": "3"})
        assert str(error) == f"{layout.config}: context must be a section, [context]"
        assert "max_chars" in error.hint


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ('[remote]\nkind = "folder"', "path", 'kind = "folder"'),
        ('[remote]\nkind = "mindspring"\nworkspace = "w"', "url", 'kind = "mindspring"'),
        ('[remote]\nkind = "mindspring"\nurl = "https://x"', "workspace", 'kind = "mindspring"'),
        ('[memory]\nagent = "command"\ncommand = []', "command", 'agent = "command"'),
    ],
)
def test_a_key_that_another_key_requires_is_asked_for(
    layout: Layout, text: str, key: str, why: str
) -> None:
    section = text[1:7]
    assert str(refused(layout, text)) == f"{layout.config}: {section}.{key} is needed with {why}"


def test_a_remote_that_has_what_it_needs_is_accepted(layout: Layout) -> None:
    remote = '[remote]\nkind = "mindspring"\nurl = "https://x.example"\nworkspace = "w"\n'
    assert load(layout, remote).remote.kind == "mindspring"
    assert load(layout, '[remote]\nkind = "folder"\npath = "/mnt/x"').remote.path == "/mnt/x"


def test_a_pattern_that_python_warns_of_is_accepted(layout: Layout) -> None:
    assert load(layout, "[redact]\npatterns = ['[[a]b]']").redact.patterns == ("[[a]b]",)


@pytest.mark.parametrize(
    "text",
    [
        f'[remote]\nurl = "ftp://user:{SECRET}@x"',
        f'[remote]\nurl = ["https://user:{SECRET}@x"]',
        f'[remote]\ntoken_env = "{SECRET}"',
        f'[remote]\ntoken_command = "echo {SECRET}"',
        f'[remote]\nkind = "{SECRET}"',
        f'[remote]\nurl = "https://user:{SECRET}@x"\nkind = "mindspring"',
        f'[remote]\nurl = "https://user:{SECRET}@x',
        f"[remote]\nurl = https://user:{SECRET}@x",
        f"[redact]\npatterns = ['{SECRET}(']",
        f"[redact]\npatterns = ['(?P<{SECRET}>x)']",
    ],
)
def test_no_error_repeats_a_secret_not_even_in_its_traceback(layout: Layout, text: str) -> None:
    error = refused(layout, text)
    assert SECRET not in "".join(traceback.format_exception(error)) + error.hint


def test_no_error_repeats_a_secret_of_the_environment(layout: Layout) -> None:
    error = refused(layout, "", {"JOURNAL_REMOTE__URL": f"user:{SECRET}@x"})
    assert SECRET not in "".join(traceback.format_exception(error)) + error.hint


def test_the_address_is_left_out_when_settings_are_printed(layout: Layout) -> None:
    made = load(layout, f'[remote]\nurl = "https://user:{SECRET}@x"')
    assert SECRET in made.remote.url
    assert SECRET not in repr(made) + str(made)


# Not TOML, or not a file


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[context]\nsessions = = 3\n", "line 2, column 12"),
        ("[context]\nsessions = 3\nsessions = 4\n", "line 3"),
        ("[context]\n[context]\n", "line 2"),
        ("[context]\r\n\r\nsessions three\r\n", "line 3"),
        ("[context]\n\nsources = [", "line 3"),
        ("a = 1\rb = 2", "line 1"),
        ("a = 1\0", "line 1"),
    ],
)
def test_invalid_toml_is_reported_with_its_line(layout: Layout, text: str, place: str) -> None:
    error = refused(layout, text)
    assert str(error).startswith(f"{layout.config} is not valid TOML at ")
    assert place in str(error)


@pytest.mark.parametrize("text", ["x = " + "[" * 50_000, "x = " + "1" * 5000])
def test_toml_beyond_all_bounds_is_an_error_like_any_other(layout: Layout, text: str) -> None:
    assert str(refused(layout, text)).startswith(f"{layout.config} is not valid TOML: ")


def test_a_file_that_is_not_utf_8_is_reported_with_its_line(layout: Layout) -> None:
    assert "is not UTF-8 at line 2" in str(refused(layout, b"# a\n# \xe9\n"))
    assert "is not UTF-8 at line 1" in str(refused(layout, "[context]\n".encode("utf-16")))


def test_a_file_of_absurd_size_is_refused(layout: Layout) -> None:
    assert "is larger than" in str(refused(layout, b"#" * (MAX_CONFIG_BYTES + 1)))
    assert load(layout, b"#" * MAX_CONFIG_BYTES) == Settings()


def assert_not_a_file(layout: Layout, problem: str) -> None:
    started = time.monotonic()
    with pytest.raises(UsageError, match=re.escape(problem)) as caught:
        load_settings(layout, {})
    assert str(layout.config) in str(caught.value)
    assert caught.value.hint
    assert time.monotonic() - started < 30


def test_a_directory_at_its_place_is_a_clear_error(layout: Layout) -> None:
    layout.config.mkdir()
    assert_not_a_file(layout, "is not a regular file")


def test_a_fifo_at_its_place_does_not_hang(layout: Layout) -> None:
    os.mkfifo(layout.config)
    assert stat.S_ISFIFO(layout.config.stat().st_mode)
    assert_not_a_file(layout, "is not a regular file")


def test_a_device_at_its_place_is_not_read(layout: Layout) -> None:
    layout.config.symlink_to("/dev/zero")
    assert_not_a_file(layout, "is not a regular file")


def test_a_link_to_nothing_does_not_silently_mean_the_defaults(layout: Layout) -> None:
    layout.config.symlink_to(layout.home / "gone.toml")
    assert_not_a_file(layout, "is a broken symbolic link")


def test_a_link_to_itself_is_a_clear_error(layout: Layout) -> None:
    layout.config.symlink_to(layout.config)
    assert_not_a_file(layout, "cannot read")


def test_a_home_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert_not_a_file(Layout.at(tmp_path / "home"), "cannot read")


def test_a_file_without_rights_is_a_clear_error(layout: Layout) -> None:
    layout.config.write_text("")
    layout.config.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # root may read everything
    try:
        assert_not_a_file(layout, "cannot read")
    finally:
        os.seteuid(user)


def test_no_descriptor_is_left_open(layout: Layout) -> None:
    layout.config.mkdir()
    gc.collect()  # what earlier tests have left for the collector is not ours
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    for _ in range(5):
        with pytest.raises(UsageError):
            load_settings(layout, {})
    assert len(os.listdir("/dev/fd")) <= before  # noqa: PTH208


# Any input


def test_loading_needs_no_pydantic_settings(layout: Layout) -> None:
    code = (
        "import sys; from journal.layout import Layout;"
        "from journal.settings.sources import load_settings;"
        "load_settings(Layout.at(sys.argv[1]), {});"
        "print('pydantic_settings' in sys.modules, 'difflib' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(layout.home)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("False False\n", "")
