"""The circuit of a remote: one probe for a dead one, one notice for a paused one, kept on disk."""

import json
import random
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chance import examples
from journal.errors import JournalError
from journal.settings import sections
from journal.times import SECOND_US
from sync.delivery import circuit_breaker
from sync.delivery.circuit_breaker import Circuit, Remotes, Seen
from sync.remote.contract import RemoteError, Then

NOW_US = 1_795_244_712_123_456
RETRY = sections.Retry(first_seconds=1, max_seconds=600)
DOWN = RemoteError("timeout", "no answer in 10 s", Then.RETRY)
NO_TOKEN = RemoteError("no_token", "TOKEN is not set", Then.PAUSE)


def failed(
    circuit: Circuit, error: RemoteError = DOWN, now_us: int = NOW_US, seed: int = 1
) -> Circuit:
    return circuit_breaker.failed(circuit, error, now_us, RETRY, random.Random(seed))


def test_one_failure_opens_the_circuit_until_its_probe() -> None:
    circuit = failed(Circuit())
    assert circuit.state == "open"
    assert circuit.last_error == Seen("timeout", "no answer in 10 s", NOW_US)
    assert NOW_US < circuit.probe_us <= NOW_US + SECOND_US
    assert not circuit_breaker.allows(circuit, circuit.probe_us - 1)
    assert circuit_breaker.allows(circuit, circuit.probe_us)


def test_a_dead_remote_is_probed_rarely_and_never_given_up() -> None:
    circuit, now_us, probes = Circuit(), NOW_US, 0
    week_us = 7 * 86_400 * SECOND_US
    while now_us < NOW_US + week_us:
        assert circuit_breaker.allows(circuit, now_us)
        circuit = failed(circuit, now_us=now_us, seed=probes)
        assert circuit.probe_us - now_us <= 600 * SECOND_US
        now_us, probes = circuit.probe_us, probes + 1
    assert circuit.failures == probes
    assert circuit.opened_us == NOW_US
    assert 1500 < probes < 2700  # every 300 s in the mean


def test_probes_of_many_machines_are_spread() -> None:
    before = replace(Circuit(), failures=20, opened_us=NOW_US)
    waits = sorted(failed(before, seed=seed).probe_us - NOW_US for seed in range(1000))
    assert waits[0] < 10 * SECOND_US
    assert waits[-1] > 590 * SECOND_US
    assert 250 < waits[500] / SECOND_US < 350


def test_a_probe_is_never_before_the_remote_wants_it() -> None:
    error = RemoteError("rate_limited", "HTTP 429", Then.RETRY, retry_after_seconds=77.5)
    assert failed(Circuit(), error).probe_us >= NOW_US + 77_500_000


def test_a_success_closes_the_circuit_and_keeps_what_was() -> None:
    for error in (DOWN, NO_TOKEN):
        circuit = circuit_breaker.succeeded(failed(Circuit(), error), NOW_US + 5)
        assert circuit.state == "closed"
        assert circuit.failures == 0
        assert circuit.last_success_us == NOW_US + 5
        assert circuit.last_error is not None
        assert circuit_breaker.allows(circuit, NOW_US + 5)


def test_errors_of_one_piece_do_not_open_the_circuit() -> None:
    error = RemoteError("out_of_time", "no time is left", Then.RETRY, counts=False)
    circuit = failed(Circuit(), error)
    assert circuit.state == "closed"
    assert circuit.last_error == Seen("out_of_time", "no time is left", NOW_US)
    opened = failed(Circuit())
    again = failed(opened, error, opened.probe_us)
    assert (again.state, again.failures) == ("open", 1)
    assert again.probe_us > opened.probe_us
    paused = failed(Circuit(), NO_TOKEN)
    later = failed(paused, error, NOW_US + 700 * SECOND_US)
    assert later.state == "paused"
    assert not circuit_breaker.allows(later, NOW_US + 701 * SECOND_US)


@pytest.mark.parametrize("then", [Then.SPLIT, Then.REJECT])
def test_a_judgement_about_a_piece_shows_that_the_remote_works(then: Then) -> None:
    for before in (Circuit(), failed(Circuit()), failed(Circuit(), NO_TOKEN)):
        circuit = failed(before, RemoteError("too_large", "HTTP 413", then))
        assert circuit.state == "closed"
        assert circuit.last_error == Seen("too_large", "HTTP 413", NOW_US)
        assert circuit.last_success_us is None


def test_a_pause_is_looked_at_again_rarely_and_keeps_its_beginning() -> None:
    circuit = failed(failed(Circuit()), NO_TOKEN)
    assert circuit.state == "paused"
    assert circuit.paused is not None
    assert not circuit_breaker.allows(circuit, NOW_US + 599 * SECOND_US)
    later_us = NOW_US + 600 * SECOND_US
    assert circuit_breaker.allows(circuit, later_us)
    again = failed(circuit, NO_TOKEN, later_us)
    assert again.paused is not None
    assert again.paused.since_us == NOW_US
    assert not circuit_breaker.allows(again, later_us + 599 * SECOND_US)
    other = failed(again, RemoteError("forbidden", "HTTP 403", Then.PAUSE), later_us)
    assert other.paused is not None
    assert other.paused.since_us == later_us
    assert failed(other).state == "open"


def test_a_clock_that_was_set_back_does_not_stop_the_remote() -> None:
    earlier_us = NOW_US - 30 * 86_400 * SECOND_US
    for circuit in (failed(Circuit()), failed(Circuit(), NO_TOKEN)):
        assert circuit_breaker.allows(circuit, earlier_us)


def test_changed_settings_are_tried_at_once() -> None:
    settings_ = sections.Remote(kind="mindspring", url="https://a.example", workspace="w")
    keys = {
        circuit_breaker.settings_key(one, token)
        for one in (settings_, settings_.model_copy(update={"notebook": "other"}))
        for token in (True, False)
    }
    assert len(keys) == 4
    first, second = sorted(keys)[:2]
    remotes = Remotes()
    circuit = circuit_breaker.succeeded(remotes.circuit("r", first), NOW_US)
    for error in (DOWN, NO_TOKEN):
        remotes.circuits["r"] = failed(circuit, error)
        assert not circuit_breaker.allows(remotes.circuit("r", first), NOW_US)
        changed = remotes.circuit("r", second)
        assert circuit_breaker.allows(changed, NOW_US)
        assert changed.last_success_us == NOW_US
        assert changed.settings == second


def test_a_key_reveals_nothing_of_the_settings() -> None:
    settings_ = sections.Remote(kind="mindspring", url="https://secret.example", workspace="w")
    assert len(circuit_breaker.settings_key(settings_, True)) == 16


def test_the_state_of_remotes_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "home" / "remote.json"
    remotes = circuit_breaker.load(path)
    assert remotes == Remotes()
    closed = circuit_breaker.succeeded(remotes.circuit("mindspring a", "k1"), NOW_US)
    remotes.circuits["mindspring a"] = failed(failed(closed, now_us=NOW_US + 1))
    remotes.circuits["folder /b"] = failed(remotes.circuit("folder /b", "k2"), NO_TOKEN)
    remotes.memory("folder /b")["marker"] = "x"
    remotes.memory("folder /c")["held"] = {"2026-11": {"id": "n"}}
    circuit_breaker.save(path, remotes)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = circuit_breaker.load(path)
    assert found.circuits.pop("folder /c") == Circuit()
    found.memories.pop("mindspring a")
    assert found.circuits == remotes.circuits
    assert found.memories == {
        "folder /b": {"marker": "x"},
        "folder /c": {"held": {"2026-11": {"id": "n"}}},
    }
    assert found.memory("folder /b") is found.memory("folder /b")


def test_an_error_text_that_json_cannot_hold_is_spelled_out(tmp_path: Path) -> None:
    remotes = Remotes()
    error = RemoteError("io", "name \udcff", Then.RETRY)
    remotes.circuits["r"] = failed(Circuit(), error)
    circuit_breaker.save(tmp_path / "remote.json", remotes)
    found = circuit_breaker.load(tmp_path / "remote.json").circuits["r"]
    assert found.last_error == Seen("io", "name \\udcff", NOW_US)


def test_a_damaged_circuit_leaves_the_other_state(tmp_path: Path) -> None:
    path = tmp_path / "remote.json"
    path.write_text(
        '{"v":1,"remotes":{"a":{"failures":"many","memory":{"marker":"x"}},"b":7,"c":{"memory":7}}}'
    )
    found = circuit_breaker.load(path)
    assert found.circuits == {"a": Circuit(), "c": Circuit()}
    assert found.memories == {"a": {"marker": "x"}, "c": {}}


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read"):
        circuit_breaker.load(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = (
    "settings", "failures", "opened_at", "probe_at", "last_success", "last_error", "paused",
    "memory",
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(
    st.binary(max_size=60)
    | st.fixed_dictionaries({"v": st.just(1)}, optional={"remotes": JSON})
    | st.fixed_dictionaries(
        {
            "v": st.just(1),
            "remotes": st.fixed_dictionaries(
                {"a": st.fixed_dictionaries(dict.fromkeys(KEYS, JSON))}
            ),
        }
    )
)
def test_any_damage_counts_as_empty_and_is_rewritten(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    path = tmp_path_factory.mktemp("home") / "remote.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    remotes = circuit_breaker.load(path)
    for circuit in remotes.circuits.values():
        assert circuit.state in ("open", "closed", "paused")
        circuit_breaker.allows(circuit, NOW_US)
    remotes.circuits["a"] = failed(remotes.circuit("a", "k"))
    circuit_breaker.save(path, remotes)
    assert circuit_breaker.load(path).circuits["a"] == remotes.circuits["a"]


@given(st.integers(1, 400 * 86_400), st.sampled_from([None, 0.5, 30.0, 3600.0]), st.booleans())
def test_a_clock_that_was_ahead_makes_nothing_wait_longer_than_its_own_wait(
    ahead_seconds: int, wish: float | None, pauses: bool
) -> None:
    then = Then.PAUSE if pauses else Then.RETRY
    error = RemoteError("x", "x", then, retry_after_seconds=wish)
    ahead_us = NOW_US + ahead_seconds * SECOND_US
    circuit = failed(Circuit(), error, ahead_us)
    longest_us = int(max(RETRY.max_seconds, wish or 0) * SECOND_US)
    if ahead_us - NOW_US > longest_us:
        assert circuit_breaker.allows(circuit, NOW_US)
    later_us = max(NOW_US, ahead_us) + longest_us
    assert circuit_breaker.allows(circuit, later_us)


def test_who_asks_may_probe_but_not_before_the_time_that_the_remote_named() -> None:
    limited = failed(Circuit(), RemoteError("l", "l", Then.RETRY, retry_after_seconds=60.0))
    assert not circuit_breaker.may_probe(limited, NOW_US + 59 * SECOND_US)
    assert circuit_breaker.may_probe(limited, NOW_US + 60 * SECOND_US)
    assert circuit_breaker.may_probe(failed(Circuit()), NOW_US)
