import random

import apsw
import pytest
import zstandard

from sync.store import bodies, schema


@pytest.fixture
def db() -> apsw.Connection:
    db = apsw.Connection(":memory:")
    schema.STEPS[0](db)
    return db


def payloads(count: int, seed: int = 1) -> list[bytes]:
    chance = random.Random(seed)
    return [
        b'{"cwd":"/home/dev","tool_response":{"stdout":"%s"}}'
        % chance.randbytes(size).hex().encode()
        for size in chance.choices((0, 20, 700, 3000), k=count)
    ]


def test_a_body_compressed_in_a_thread_is_restored_byte_for_byte(db: apsw.Connection) -> None:
    sent = payloads(2000)
    with bodies.Packing() as packing:
        packed = list(map(bodies.Packed, sent))
        packing.begin(packed).result()
        bodies.store_large(db, enumerate(packed))
        assert [bodies.unpack(db, body.blob) for body in packed] == sent


def test_packings_come_and_go_while_others_compress(db: apsw.Connection) -> None:
    sent = payloads(600)
    with bodies.Packing() as lasting:
        for _ in range(20):
            packed, other = list(map(bodies.Packed, sent)), bodies.Packed(sent[0])
            begun = lasting.begin(packed)
            with bodies.Packing() as passing:
                passing.begin([other]).result()
            begun.result()
            bodies.store_large(db, enumerate([*packed, other]))
            assert bodies.unpack(db, packed[-1].blob) == sent[-1]
            assert bodies.unpack(db, other.blob) == sent[0]


def test_a_failure_in_a_thread_is_raised_where_it_is_waited_for() -> None:
    broken = bodies.Packed(b"null")
    broken.blob = b""  # no payload is empty, and nothing can be made of it
    with bodies.Packing() as packing:
        begun = packing.begin([broken])
        with pytest.raises((ValueError, zstandard.ZstdError)):
            begun.result()


def test_nothing_to_pack_is_packed_at_once() -> None:
    with bodies.Packing() as packing:
        packing.begin([]).result()
