from hypothesis import given
from hypothesis import strategies as st

from journal.session.meaning import leaves

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)
)


def test_leaves_are_the_strings_in_their_order_one_a_line() -> None:
    value = {"a": "one", "b": {"c": ["two", 2, None]}, "d": "three"}
    assert leaves(value, 100) == "one\ntwo\nthree"
    assert leaves({"a": "one", "b": 2, "c": "three"}, 100) == "one\nthree"
    assert leaves(value, 4) == "one\nt"
    assert leaves({"a": "one", "b": "two"}, 4) == "one\nt"
    assert leaves("word", 2) == "wo"


@given(st.dictionaries(st.text(max_size=3), VALUES), st.integers(min_value=1, max_value=40))
def test_an_object_has_the_leaves_of_a_list_that_holds_it(
    value: dict[str, object], limit_chars: int
) -> None:
    assert leaves(value, limit_chars) == leaves([value], limit_chars)
