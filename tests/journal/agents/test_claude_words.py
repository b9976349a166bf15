"""Claude Code: whose words a hook or a line holds, and what a notice or a stop means."""

from typing import Any

import pytest

from journal.agents import TRANSCRIPT, meaning_of
from journal.session.event import Event
from journal.session.fold import fold
from journal.session.meaning import Author, Kind, Meaning
from journal.session.state import SessionState
from journal.session.texts import texts
from sync.views.sessions import title

COMMAND = "<command-{0}>{1}</command-{0}>".format


def hook(event: str, **payload: object) -> Meaning:
    return meaning_of("claude-code", event, {"session_id": "s", **payload})


def line(**fields: object) -> Meaning:
    payload: dict[str, Any] = {"session_id": "s", "line": {"sessionId": "s", **fields}}
    return meaning_of("claude-code", TRANSCRIPT, payload)


def prompt(content: object, **fields: object) -> Meaning:
    return line(type="user", uuid="u", message={"role": "user", "content": content}, **fields)


@pytest.mark.parametrize(
    ("given", "words", "by"),
    [
        ("is a < b?", "is a < b?", ""),
        ("<ide_opened_file>The user opened x.py</ide_opened_file>\nfix it", "fix it", ""),
        ("<ide_selection>line 3</ide_selection> fix <b>it</b>", "fix <b>it</b>", ""),
        ("fix it\n<system-reminder>Be brief.\n</system-reminder>\n", "fix it", ""),
        ("<user-prompt-submit-hook>ok</user-prompt-submit-hook>fix it", "fix it", ""),
        (COMMAND("message", "review is running") + "\n" + COMMAND("name", "/review") + "\n"
            + COMMAND("args", "the cart"), "/review the cart", ""),
        (COMMAND("name", "/cost") + COMMAND("message", "cost") + COMMAND("args", ""), "/cost",
            Author.MACHINE),
        ("<task-notification>it ended</task-notification>",
            "<task-notification>it ended</task-notification>", Author.MACHINE),
    ],
)  # fmt: skip
def test_a_person_s_words_are_without_what_was_put_around_them(
    given: str, words: str, by: str
) -> None:
    for found in (hook("UserPromptSubmit", prompt=given), prompt(given)):
        assert (found.kind, found.text, found.by) == (Kind.PROMPT, words, by)


def test_a_prompt_may_be_an_image_alone() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": ""}}
    assert prompt([image]).text == "[image image/png]"


@pytest.mark.parametrize(
    ("source", "by"),
    [
        ("user", Author.PERSON),
        ("sdk", Author.UNKNOWN),
        *[(one, Author.MACHINE) for one in ("system", "loop_wakeup", "schedule_wakeup")],
        ("poll_event", Author.MACHINE),
        ("something new", ""),
    ],
)
def test_a_hook_says_who_wrote_a_prompt(source: str, by: str) -> None:
    assert hook("UserPromptSubmit", prompt="go on", source=source).by == by


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({"origin": {"kind": "human"}}, Author.PERSON),
        ({"origin": {"kind": "channel"}}, Author.PERSON),
        ({"origin": {"kind": "channel-machine"}}, Author.MACHINE),
        ({"turnOrigin": "ide"}, Author.PERSON),
        ({"turnOrigin": "desktop"}, Author.PERSON),
        ({"promptSource": "schedule_wakeup"}, Author.MACHINE),
        ({"promptSource": "sdk"}, Author.UNKNOWN),
        ({"origin": {"kind": "peer"}, "promptSource": "typed"}, Author.MACHINE),
        ({}, ""),
    ],
)
def test_a_line_says_who_wrote_a_prompt(fields: dict[str, Any], by: str) -> None:
    assert prompt("go on", **fields).by == by
    attachment = {"type": "queued_command", "prompt": "go on", **fields}
    assert line(type="attachment", attachment=attachment).by == by


@pytest.mark.parametrize(
    ("notice", "kind"),
    [
        *[(one, Kind.ATTENTION_ASKED) for one in ("permission_prompt", "elicitation_dialog")],
        *[(one, Kind.ATTENTION_ASKED) for one in ("elicitation_url_dialog", "agent_needs_input")],
        ("quota_auto_resume_stale", Kind.ATTENTION_ASKED),
        ("idle_prompt", Kind.WAITING_NOTICED),
        ("auth_success", Kind.OTHER),
    ],
)
def test_some_notices_say_that_a_person_is_waited_for(notice: str, kind: Kind) -> None:
    assert hook("Notification", notification_type=notice, message="Look").kind is kind


def test_a_stop_with_tasks_in_the_background_is_a_pause() -> None:
    words = "I wait."
    assert hook("Stop", last_assistant_message=words).kind is Kind.TURN_END
    paused = hook("Stop", last_assistant_message=words, background_tasks=[{"id": "b1"}])
    assert (paused.kind, paused.text) == (Kind.ANSWER, words)


def test_the_command_of_a_skill_and_what_it_printed_are_found() -> None:
    found = hook("PreSkillShellCommand", tool_name="Bash", tool_input={"command": "git log -3"})
    printed = prompt("Review this:\n3f2a fix the cart", isMeta=True)
    indexed = [text for one in (found, printed) for _, text in texts(one, with_input=False)]
    assert indexed == ["git log -3", "Review this:\n3f2a fix the cart"]


def test_a_session_is_called_what_the_person_named_it() -> None:
    reported = [
        prompt("fix the cart", origin={"kind": "human"}),
        line(type="ai-title", aiTitle="Cart repair"),
        line(type="custom-title", customTitle="the big cart"),
        line(type="ai-title", aiTitle="Cart repair, second part"),
    ]
    state, titles = SessionState(), []
    for number, meaning in enumerate(reported, 1):
        state = fold(state, Event(number, b"%16d" % number, number, "claude-code", "", {}, meaning))
        titles.append(title(state))
    assert titles == ["fix the cart", "Cart repair", "the big cart", "the big cart"]
