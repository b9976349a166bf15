"""Whether agents find what earlier sessions learned: 200 questions over 1,000 sessions.

A hit at 1 or 5: the session that holds the answer is the first record, or among the first five. In
this process, with the look for new records that every call has; and how long the server takes from
its start to the first answer.
"""

import os
import re
import statistics
import time
from pathlib import Path
from typing import Any

import mcp_client
import recall_questions
from bench_table import Row, quantile
from bench_watch import sync
from journal.cli.app import App
from journal.mcp.answers import answer
from recall_questions import KINDS, Question

ROUNDS = 5
_HEADS = re.compile(r"^\[session ([^ ]+) ", re.MULTILINE)
_HOUR_NS = 3600 * 10**9


def measure(scratch: Path) -> list[Row]:
    """Each kind of question, without and with prefixes."""
    home = scratch / "home"
    start_ns = time.time_ns() - recall_questions.SESSIONS * _HOUR_NS
    questions = recall_questions.write(home, scratch / "code", start_ns)
    os.environ["HOME"] = str(scratch)
    sync(home)
    app = App()
    app.home = str(home)
    rows = []
    for prefixes in (False, True):
        took, first, five = list[float](), 0, 0
        for kind in KINDS:
            asked = [one for one in questions if one.tool == kind]
            ranks = [_rank(app, one, prefixes, took) for one in asked]
            here_1, here_5 = sum(r == 0 for r in ranks), sum(r is not None and r < 5 for r in ranks)
            first, five = first + here_1, five + here_5
            figure = f"{here_1 / len(asked):.0%} at 1, {here_5 / len(asked):.0%} at 5"
            rows.append(Row(f"{kind}, {_named(prefixes)}", figure))
        figure = f"{first / len(questions):.0%} at 1, {five / len(questions):.0%} at 5"
        share = five / len(questions)
        bound = 0.9 if prefixes else None
        rows.append(Row(f"all, {_named(prefixes)}", figure, share, bound, True, "all at 5"))
        middle, most = statistics.median(took) * 1000, quantile(took, 0.95) * 1000
        rows.append(Row("  an answer", f"{middle:.1f} ms, p95 {most:.1f} ms"))
    starts = [_start(home, scratch) for _ in range(ROUNDS)]
    rows.append(Row("journal mcp, to its first answer", f"{statistics.median(starts):.2f} s"))
    return rows


def _named(prefixes: bool) -> str:
    return "prefixes" if prefixes else "whole words"


def _rank(app: App, question: Question, prefixes: bool, took: list[float]) -> int | None:
    """The place of the session among the records, from 0; None: it is not among them."""
    arguments: dict[str, Any] = dict(question.arguments)
    if not prefixes and "query" in arguments:  # quoted words stand as they are
        words = arguments["query"].split()
        arguments["query"] = " ".join(f'"{word}"' if word.isalpha() else word for word in words)
    started = time.perf_counter()
    text = answer(app, {}, question.tool, arguments)
    took.append(time.perf_counter() - started)
    found = list(dict.fromkeys(_HEADS.findall(text)))
    places = [n for n, short in enumerate(found) if question.session.startswith(short)]
    return places[0] if places else None


def _start(home: Path, folder: Path) -> float:
    started = time.perf_counter()
    ((_, failed),) = mcp_client.listed_and_answered(
        home, folder, ("recent", {"project": "*"})
    ).answers
    assert not failed
    return time.perf_counter() - started
