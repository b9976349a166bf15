"""The findings about hooks and the settings of the agent."""

import json
from pathlib import Path
from typing import Any

import pytest

from hooks import autostart
from journal import cli
from journal.doctor import settings_levels
from tests.journal.doctor.patients import Patient


@pytest.mark.parametrize("missing", ["emit.py", "run.py", "application"])
def test_hook_programs_of_another_version(patient: Patient, missing: str) -> None:
    (patient.layout.hooks / missing).write_text("older\n")
    patient.finds("hooks", "error", f"another version: {missing}")
    patient.is_fixed("hooks", "installed again: 1 program")


def test_events_without_a_hook_and_changed_ones(patient: Patient) -> None:
    hooks = patient.values()["hooks"]
    del hooks["Stop"]
    hooks["PreToolUse"][0]["hooks"][0]["command"] += " # changed"
    patient.change(hooks=hooks)
    patient.finds("hooks", "error", "events without a hook: Stop")
    patient.finds("hooks", "error", "not as this version installs them: PreToolUse")
    patient.is_fixed("hooks", "installed again: 2 hooks")


def test_fix_installs_no_hooks_where_none_were_installed(patient: Patient) -> None:
    patient.change(hooks={})
    patient.finds("hooks", "error", "no hook of this home")
    patient.finds("hooks", "error", "no hook of this home", "--fix")
    assert patient.values() == {"hooks": {}}


def test_an_interpreter_that_is_gone(patient: Patient) -> None:
    from journal.setup.hook_command import base_interpreter

    text = patient.settings.read_text().replace(f"{base_interpreter()} -I", "/gone/python -I")
    patient.settings.write_text(text)
    patient.finds("hooks", "error", "interpreter that runs the hooks does not exist: /gone/python")
    one = patient.finds("canary", "error", "went through the spool")
    assert "no emitter could run" in one["message"]
    assert not list((patient.user / "tmp").rglob("*.raw"))
    patient.is_fixed("hooks", "14 hooks")


def test_the_start_of_a_watcher_as_the_settings_want_it(patient: Patient) -> None:
    (patient.home / autostart.MARKER).touch(mode=0o600)
    patient.finds("hooks", "warning", "a watcher is started with a session")
    patient.is_fixed("hooks", "the start of a watcher")


def test_the_same_hooks_at_several_levels(patient: Patient) -> None:
    project = Path.cwd() / ".claude"
    project.mkdir()
    (project / "settings.local.json").write_text(json.dumps({"hooks": patient.values()["hooks"]}))
    one = patient.finds("hooks", "warning", "recorded twice")
    file = project / "settings.local.json"
    assert one["hint"] == f"run: journal uninstall --settings {file}, then: journal install"
    (project / "settings.local.json").unlink()
    patient.run("install", "--settings", str(project / "settings.json"))
    patient.finds("hooks", "warning", "recorded twice")
    patient.run("uninstall", "--settings", str(project / "settings.json"))
    patient.run("install")
    hooks = patient.values()["hooks"]
    twice = json.loads(json.dumps(hooks["Stop"][0]))
    twice["hooks"][0]["command"] += " # changed"
    patient.change(hooks={**hooks, "Stop": [*hooks["Stop"], twice]})
    patient.finds("hooks", "warning", "more than once")
    patient.is_fixed("hooks", "1 hook")


def test_hooks_only_in_the_project_are_hooks_too(patient: Patient) -> None:
    project = Path.cwd() / ".claude" / "settings.json"
    project.parent.mkdir()
    patient.run("install", "--settings", str(project))
    patient.settings.unlink()
    assert {one["status"] for one in patient.doctor()} == {"ok"}
    text = project.read_text().replace("h=", ": an older version; h=")
    project.write_text(text)
    one = patient.finds("hooks", "error", "not as this version installs them")
    named = f"--settings {project}"  # in the user's file as well, they would record twice
    assert one["hint"] == f"run: journal install claude-code {named}"


def test_hooks_of_another_home(patient: Patient, tmp_path: Path) -> None:
    elsewhere = Path.cwd() / ".claude" / "settings.json"
    elsewhere.parent.mkdir()
    other = ["--home", str(tmp_path / "other")]
    assert cli.run([*other, "install", "--settings", str(elsewhere)]) == 0
    patient.finds("hooks", "warning", "hooks of another home")
    assert {one["status"] for one in patient.doctor("--fix")} == {"ok", "warning"}


def test_a_settings_file_that_cannot_be_read(patient: Patient) -> None:
    before = "{broken"
    patient.settings.write_text(before)
    patient.finds("agent", "error", "not JSON", "--fix")
    assert patient.settings.read_text() == before


def test_hooks_that_are_switched_off(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.change(disableAllHooks=True)
    patient.finds("agent", "error", "disableAllHooks is set in")
    patient.change(disableAllHooks=False, env={"JOURNAL_DISABLE": "1"})
    patient.finds("agent", "error", "JOURNAL_DISABLE=1 is set in")
    patient.change(env={})
    monkeypatch.setenv("JOURNAL_DISABLE", "1")
    patient.finds("agent", "warning", "JOURNAL_DISABLE=1 is in this environment")
    patient.finds("canary", "warning", "set to record nothing")


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"allowManagedHooksOnly": True}, "allows only managed hooks"),
        ({"disableAllHooks": True}, "disableAllHooks is set in"),
        ({"strictPluginOnlyCustomization": ["hooks"]}, "allows only hooks of plugins"),
    ],
)
def test_policies_that_forbid_hooks_are_found(tmp_path: Path, policy: Any, words: str) -> None:
    (tmp_path / "managed-settings.d").mkdir()
    for name in ("managed-settings.json", "managed-settings.d/10-hooks.json"):
        path = tmp_path / name
        path.write_text(json.dumps(policy))
        read = settings_levels.read_levels(
            tmp_path / "settings.json", tmp_path / "project", tmp_path
        )
        (one,) = settings_levels.look_at_agent(read, {})
        assert (one.status, words in one.message) == ("error", True)
        path.unlink()


def test_an_agent_that_is_too_old_or_not_found(patient: Patient) -> None:
    agent = patient.user / "bin" / "claude"
    agent.write_text("#!/bin/sh\necho '2.1.60 (Claude Code)'\n")
    patient.run("install")
    patient.finds("hooks", "warning", "knows no PostCompact, StopFailure")
    agent.unlink()
    patient.run("install")
    patient.finds("hooks", "warning", "claude was not found")


@pytest.mark.parametrize(("days", "status"), [(1, "warning"), (7, "ok"), ("x", "warning")])
def test_how_long_transcripts_are_kept(patient: Patient, days: object, status: str) -> None:
    patient.change(cleanupPeriodDays=days)
    patient.finds("transcripts", status, "cleanupPeriodDays" if status == "warning" else "7 days")
