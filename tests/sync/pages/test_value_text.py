"""What tools were given and gave back, as fields that people read."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from journal.printable import clean
from sync.pages.value_text import MOST_FIELDS, Field, Form, fields, texts


def test_strings_are_what_they_say_and_small_change_comes_last() -> None:
    value = {
        "file": {"path": "a.py", "content": "one\n\ttwo\n", "lines": 2},
        "patch": [{"start": 86, "lines": ["-x", "+y"]}],
        "none": None, "empty": "", "no": [], "flag": False, "long": "x" * 101,
    }  # fmt: skip
    assert fields(value) == [
        Field("file.path", "a.py", Form.LINE),
        Field("file.content", "one\n    two", Form.BLOCK),
        Field("patch[0].lines", "-x\n+y", Form.BLOCK),
        Field("long", "x" * 101, Form.BLOCK),
        Field(
            "",
            'file.lines 2, patch[0].start 86, none null, empty "", no [], flag false',
            Form.REST,
        ),
    ]
    assert fields("all\nof it\n") == [Field("", "all\nof it", Form.BLOCK)]
    assert fields(5) == [Field("", "5", Form.REST)]


def test_an_output_does_not_repeat_the_input() -> None:
    given_ = {"path": "/code/a.py", "old": "x"}
    reported = {"filePath": "/code/a.py", "oldString": "x", "content": "new"}
    assert fields(reported, texts(given_)) == [
        Field("oldString", "x", Form.LINE),
        Field("content", "new", Form.LINE),
        Field("", "filePath as in the input", Form.REST),
    ]


def test_too_many_or_too_deep_fields_are_shown_as_json() -> None:
    many = {f"k{number}": "text" for number in range(MOST_FIELDS + 1)}
    ((name, text, form),) = fields(many)
    assert (name, json.loads(text), form) == ("", many, Form.JSON)
    (deep,) = fields({"a": {"b": {"c": {"d": {"e": "f"}}}}})
    assert (deep.name, json.loads(deep.text)) == ("a.b.c.d", {"e": "f"})
    bottomless: Any = "x"
    for _ in range(5_000):
        bottomless = [bottomless, "\n"]
    assert fields(bottomless)[0].form is Form.JSON


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
)


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return [text for item in inner for text in strings(item)]


@given(VALUES)
def test_every_string_is_in_some_field_and_all_of_it_is_clean(value: Any) -> None:
    found = fields(value)
    for field in found:
        assert clean(field.text) == field.text
        assert "\n" not in field.name
    if all(field.form is not Form.JSON for field in found):
        shown = "\n".join(field.text for field in found)
        assert all(clean(text).strip("\n") in shown for text in strings(value))
