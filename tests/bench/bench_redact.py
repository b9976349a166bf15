"""What redaction costs on payloads as agents send them, with and without its extra `fast`.

In processor time, in turns with the yardsticks: it depends little on what else the machine does.
"""

import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import orjson

import recordings
from bench_table import Row
from journal.redaction import quick_filter
from journal.redaction.hyperscan_filter import Prefilter, _engine
from journal.redaction.redactor import Redactor

ROUNDS = 9
ROUND_BYTES = 4_000_000
ONE_IN = 50  # payloads hold a secret
LEAST = 0.8  # of the speed of the search for WORDS, where nothing is redacted
SECRET = b"export GITHUB_TOKEN=ghp_wV3xKq8ZtR1nLb5cYd0eHf6gJm2pSa9uQoTi"
# What a filter without expressions would look for, in lower case.
WORDS = tuple(
    b"passw|passphrase|pwd|secret|credential|authorization|cookie|token|key|jwt|akia|asia|ghp_|glpat-"
    b"|xox|sk_live_|sk-|aiza|npm_|eyj|bearer|private key|://".split(b"|")
)  # fmt: skip
LATER = 1 << 60  # bytes: the engine is never worth its compiling


def measure(_: Path) -> list[Row]:
    """The same payloads through redaction and through its yardsticks, in turns."""
    clean, some = payloads(), with_secrets(payloads())
    redactor = Redactor(bytes(32))
    engines = {"": Prefilter(LATER)}
    if _engine() is not None:
        engines[", with hyperscan"] = Prefilter(0)
    tasks: dict[str, Callable[[], object]] = {
        "orjson.loads and dumps": lambda: [orjson.dumps(orjson.loads(one)) for one in clean],
        f"`in` for {len(WORDS)} words": lambda: [has_word(one) for one in clean],
    }
    for name, engine in engines.items():
        tasks[f"clean{name}"] = lambda e=engine: redact(redactor, e, clean)
        tasks[f"1 secret in {ONE_IN}{name}"] = lambda e=engine: redact(redactor, e, some)
    sizes = {name: sum(map(len, some if "secret" in name else clean)) for name in tasks}
    took: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            began = time.process_time()
            task()
            took[name].append(time.process_time() - began)
    speed = {name: sizes[name] / statistics.median(took[name]) / 1e6 for name in tasks}
    return rows(speed)


def rows(speed: dict[str, float]) -> list[Row]:
    """Yardsticks first, each figure of redaction against both."""
    orjson_name, words_name, *ours = speed
    found = [Row(name, f"{speed[name]:.0f} MB/s") for name in (orjson_name, words_name)]
    for name in ours:
        mb = speed[name]
        least = LEAST if name.startswith("clean") else None
        found.append(Row(name, f"{mb:.0f} MB/s"))
        found.append(
            Row("  relative to orjson", "", mb / speed[orjson_name], None, True, "its speed")
        )
        found.append(
            Row("  relative to the words", "", mb / speed[words_name], least, True, "its speed")
        )
    return found


def payloads() -> list[bytes]:
    """All that was recorded, in one order, so often that a round takes a while."""
    found = [firing.stdin for name in recordings.NAMES for firing in recordings.load(name)]
    random.Random(1).shuffle(found)
    times = 1 + ROUND_BYTES // sum(map(len, found))
    return found * times


def with_secrets(found: list[bytes]) -> list[bytes]:
    """The same, a secret in the first string of every so many of them."""
    for number in range(0, len(found), ONE_IN):
        found[number] = found[number].replace(b'":"', b'":"' + SECRET + b" ", 1)
    return found


def redact(redactor: Redactor, engine: Prefilter, found: list[bytes]) -> int:
    """Redact each; how many changed."""
    quick_filter._PREFILTER = engine
    return sum(redactor.json(one) is not one for one in found)


def has_word(data: bytes) -> bool:
    """Whether any of the words is in these bytes."""
    low = data.lower()
    return any(word in low for word in WORDS)
