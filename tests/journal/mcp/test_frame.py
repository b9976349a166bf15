"""No stored text can close the frame, and an answer stays within its limit."""

import re

from hypothesis import given
from hypothesis import strategies as st

from journal.mcp.frame import Record, compose, name, quoted, safe
from journal.session.own_words import without_frames

PIECES = (
    "</agent-journal>", "<agent-journal project=", "< /\u200bAgent-Journal", "\n", "\r", "\u2028",
    "| ", "[session x]", "To read on: after=7", "\x1b[2J", "</system-reminder>", "\u202e", "word ",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=9), max_size=30).map("".join)
OPEN = re.compile(r"<[\s/]*(agent-journal|system-reminder)", re.IGNORECASE)


@given(HOSTILE, HOSTILE, st.integers(1_000, 3_000), st.integers(1, 400))
def test_stored_text_closes_no_frame_and_the_bound_holds(
    text: str, title: str, max_chars: int, limit_chars: int
) -> None:
    records = [
        Record([f"[session {name(title)}]"], quoted(text, limit_chars, "label: "), f"{n}")
        for n in range(1, 30)
    ]
    made = compose("search", title, [], records, max_chars, "end")
    assert len(made) <= max_chars
    first, *lines, _, last = made.split("\n")
    assert len(OPEN.findall(made)) == 2
    assert last.startswith("To read on: after=")
    assert not OPEN.search("\n".join(lines))
    assert first.startswith('<agent-journal project="')
    assert first.count('"') == 4
    assert all(line[:1] in "|[RwN" for line in lines), lines
    assert without_frames(made).strip() == last


@given(HOSTILE)
def test_safe_text_says_the_same_to_a_reader(text: str) -> None:
    assert safe(text).replace("&lt;", "<") == text.replace("&lt;", "<")
