"""What is indexed of a text, and that a query for anything that stands in it asks for just that."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.search_words import WORD_CHARS, Phrase, is_ascii_words, query_words, words

HAN = st.text("四舍五入误差对账模块丸め照合モジュールガラス학점인정", min_size=1, max_size=12)
PART = st.sampled_from(["load", "Load", "HTTP", "utf8", "Größe", "x", "ID", "_", "-", " ", "é"])


def finds(query: str, text: str) -> bool:
    """What an index of words does with the phrases of a query."""
    indexed = words(text)
    return all(
        any(_stands(phrase, indexed) for phrase in forms) for forms in query_words(query)
    ) and bool(query_words(query))


def _stands(phrase: Phrase, indexed: list[str]) -> bool:
    size = len(phrase.words)
    for start in range(len(indexed) - size + 1):
        *found, last = indexed[start : start + size]
        fits = last.startswith(phrase.words[-1]) if phrase.prefix else last == phrase.words[-1]
        if fits and tuple(found) == phrase.words[:-1]:
            return True
    return False


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("set loadBalancerTimeout now", "loadBalancer"),
        ("set loadBalancerTimeout now", "Balancer"),
        ("set loadBalancerTimeout now", "LOADBALANCERTIMEOUT"),
        ("getUserByEmail()", "UserByEmail"),
        ("getUserByEmail()", "getUser"),
        ("class HTTPServerError", "HTTPServer"),
        ("max_retry_count", "retry_count"),
        ("dieGrößeÄndern", "GrößeÄndern"),
        ("Café", "cafe"),
        ("\uff21\uff22\uff23", "abc"),
        ("对账模块里的误差", "误差"),
        ("对账模块里的误差", "账"),
        ("GPT模型很大", "GPT模型"),
        ("ข้อผิดพลาดในการปัดเศษ", "ปัดเศษ"),
        (unicodedata.normalize("NFD", "ガラスのバグ"), "バグ"),
        (unicodedata.normalize("NFD", "학점인정"), "인정"),
    ],
)
def test_found(text: str, query: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("四舍。五入", "四舍五入"),
        ("カラス", "ガラス"),
        ("loadBalancer", "loadTimeout"),
        ("balance", "Balancer"),
        ("...", "."),
    ],
)
def test_not_found(text: str, query: str) -> None:
    assert not finds(query, text)


@given(HAN, HAN, HAN)
def test_every_part_of_a_run_is_found(before: str, sought: str, after: str) -> None:
    assert finds(sought, before + sought + after)


@given(st.lists(PART, max_size=8).map("".join))
def test_both_unicode_forms_are_one(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert words(decomposed) == words(text)
    assert query_words(decomposed) == query_words(text)


@given(st.text())
def test_every_text_finds_itself(text: str) -> None:
    indexed = words(text)
    assert bool(indexed) == bool(query_words(text))
    assert finds(text, text) or not indexed
    assert all(len(word) <= WORD_CHARS and not set(word) & set(" \0\"'*") for word in indexed)


@given(st.lists(PART | st.text("aB1_ \n\0", max_size=8) | st.just("x" * 70)).map("".join))
def test_a_text_of_ascii_words_is_split_alike_by_the_index(text: str) -> None:
    if is_ascii_words(text):
        assert words(text) == re.findall("[a-z0-9]+", text.lower())
    else:
        assert not re.fullmatch("[a-z_ \n]{,70}", text)
