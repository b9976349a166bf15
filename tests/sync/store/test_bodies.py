"""Payloads in rows and in blocks: what was stored is read, and what was removed is gone."""

import json
import random

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chance import examples
from sync.store import blocks, bodies, compression, deletion, schema


@pytest.fixture
def db() -> apsw.Connection:
    return made()


def made() -> apsw.Connection:
    db = apsw.Connection(":memory:")
    for step in schema.STEPS:
        step(db)
    return db


def payload(chance: random.Random) -> bytes:
    text = chance.randbytes(chance.choice((0, 20, 700, 3000))).hex()
    return b'{"cwd":"/home/dev","tool_response":{"stdout":"%s"}}' % text.encode()


def arrive(db: apsw.Connection, seq: int, session: int, sent: list[bytes | None]) -> None:
    """A batch of one session's events, as facts.insert stores it."""
    packed = [None if one is None else bodies.Packed(one) for one in sent]
    for number, body in enumerate(bodies.store(db, seq, packed), seq):
        values = (number, number.to_bytes(16, "big"), session, number, "E", 1, 0, body)
        db.execute("insert into events values (?, ?, ?, ?, ?, ?, ?, ?)", values)


def read(db: apsw.Connection) -> dict[int, bytes]:
    return {
        seq: bodies.Reader(db).unpack(seq, body)
        for seq, body in db.execute("select seq, body from events").fetchall()
    }


@settings(max_examples=examples(60), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_bodies_are_read_as_they_were_sent_after_additions_changes_and_deletions(seed: int) -> None:
    chance, db = random.Random(seed), made()
    right: dict[int, bytes] = {}
    seq = 1
    for step in range(12):
        if step % 3 == 2 and right:
            some = chance.sample(sorted(right), chance.randrange(len(right) + 1))
            if chance.random() < 0.5:
                db.executemany("delete from events where seq = ?", [(one,) for one in some])
                bodies.release(db, some)
                right = {one: text for one, text in right.items() if one not in some}
                seq = max(right, default=0) + 1  # rows may be given out again
            else:
                new = {one: payload(chance) for one in some if right[one] != b"null"}
                query = "select body from events where seq = ?"
                rows = [(one, db.execute(query, (one,)).get, new[one]) for one in new]
                bodies.replace(db, rows)
                right |= new
        else:
            sent = [payload(chance) for _ in range(chance.choice((1, 2, 5, 60)))]
            texts = [None if chance.random() < 0.1 else one for one in sent]
            arrive(db, seq, step, texts)
            right |= {seq + n: one or b"null" for n, one in enumerate(texts)}
            seq += len(texts)
        assert read(db) == right
    everything = sorted(right)
    db.execute("delete from events")
    bodies.release(db, everything)
    for table in ("blocks", "bodies", "body_uses"):
        assert db.execute(f"select count(*) from {table}").get == 0, table


def test_one_event_is_its_own_and_many_are_in_blocks_of_bounded_size(db: apsw.Connection) -> None:
    chance = random.Random(1)
    arrive(db, 1, 1, [payload(chance)])
    assert db.execute("select count(*) from blocks").get == 0
    sent = [payload(chance) for _ in range(400)]
    arrive(db, 2, 1, sent)
    held = db.execute("select count(*), max(length(data)) from blocks where events > 0").fetchall()
    ((count, longest),) = held
    assert 2 <= count <= 400 // 4
    assert longest < 5_000  # a part of one
    ((whole,),) = db.execute("select sum(length(data)) from blocks").fetchall()
    rows = deletion.with_bodies(db, 1, 10_000)
    assert len(rows) == 401
    assert 0.9 * whole < sum(size for _, size in rows[1:]) <= whole


def test_a_lost_block_costs_only_its_own_events(db: apsw.Connection) -> None:
    sent = [b'{"n":%d,"text":"%s"}' % (n, b"x" * 900) for n in range(100)]
    arrive(db, 1, 1, sent)
    first = db.execute("select min(key) from blocks where key > 1 and events > 0").get
    query = "select events from blocks where key = ?"
    lost = set(range(first, first + int(db.execute(query, (first,)).get)))
    db.execute("delete from blocks where key between ? and ?", (first, max(lost)))
    gone = {seq for (seq,) in db.execute(blocks.WITHOUT_BLOCK).fetchall()}
    assert gone == lost
    found = read(db)
    assert {seq for seq in found if found[seq] != sent[seq - 1]} == lost


def test_a_long_value_is_stored_like_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "".join(f"line {number}\n" for number in range(1_000))
    payload = json.dumps({"a": value, "b": [value, "c"]}).encode()
    short = bodies.Packed(payload)
    monkeypatch.setattr(bodies, "LONG_BYTES", bodies.LARGE_BYTES)
    long = bodies.Packed(payload)
    assert (long.text, {*long.large}) == (short.text, {*short.large})
    (data,) = long.large.values()
    assert isinstance(data, compression.Compressed)
    assert compression.unpack(bytes(data)) == json.dumps(value).encode()
