"""Code in people's texts: nothing is lost, and code is distinguished from other text."""

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chance import examples
from sync.pages import markdown
from sync.pages.fences import Place, longest_run, placed, spans

P, F, C = Place.PROSE, Place.FENCE, Place.CODE


def places(text: str) -> list[Place]:
    return [line.place for line in placed(text)]


def test_a_fence_ends_with_one_that_is_as_long_and_of_the_same_kind() -> None:
    assert places("a\n```python\nx\n~~~\n``\n```  \nb") == [P, F, C, C, C, F, P]
    assert places("````\n```\n`````\nb") == [F, C, F, P]
    assert places("   ~~~\n   x") == [F, C]
    assert places("  ```\n  x\n  ```\n```\ny") == [F, C, F, F, C]
    assert places("  ```\nx\n  ```\ny") == [P, P, P, P]  # a list item may have ended
    assert places("    ```\n```no `fence`") == [P, P]
    assert places("- ```\n   ```\n   x") == [P, P, P]  # the second closes the first
    assert places("> 1) ~~~\n~~~\nx") == [P, P, P]


def test_a_code_span_ends_with_a_run_of_the_same_length() -> None:
    assert [part.text for part in spans("a `b` ``c`d`` `e") if part.place is C] == [
        "`b`",
        "``c`d``",
    ]
    assert longest_run("` `` ```` ``") == 4
    assert longest_run("none") == 0


CONTAINED = st.lists(
    st.sampled_from(
        ["1. item", "- a", "  - b", "```", "   ```", "  ~~~", "~~~", "> q", "> ```", "- ```", "",
         "   c", "<img src=x>", "   <img src=x>", "`a", "b`"]
    ),
    max_size=12,
)  # fmt: skip


@given(CONTAINED)
@settings(max_examples=examples(400), deadline=None)
def test_no_container_of_a_fence_makes_a_tag_of_a_text(lines: list[str]) -> None:
    page = MarkdownIt("commonmark").render(markdown._quote("\n".join(lines)))
    assert "<img" not in page


@given(st.text(st.sampled_from("`~ ab\n")))
def test_the_parts_are_the_text(text: str) -> None:
    assert "\n".join(line.text for line in placed(text)) == text
    for line in text.split("\n"):
        assert "".join(part.text for part in spans(line)) == line
