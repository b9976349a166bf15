"""What goes wrong on the way: one line with a hint, bounded in time, nothing lost."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from journal.settings.sections import Remote
from postgres_server import PASSWORD
from sync.remote.postgres.address import address
from team import Home, Team
from tls_proxy import certificate, tls_proxy


@contextmanager
def listener(answer: bytes | None) -> Iterator[int]:
    """A server that takes connections and says this, or nothing, for ever; its port."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                kept.append(one)
                if answer is not None:
                    one.recv(1000)
                    one.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for one in kept:
        one.close()


@pytest.fixture
def ada(team: Team) -> Home:
    home = team.home("laptop", "ada")
    home.reported.turn("one")
    return home


def change(home: Home, *pairs: tuple[str, str]) -> None:
    path = home.path / "config.toml"
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def url(home: Home, old: str, new: str) -> str:
    """The home's configuration with another address."""
    text = (home.path / "config.toml").read_text()
    address = re.search("(?m)^url = .*$", text)
    assert address is not None
    assert old in address[0]
    return text.replace(address[0], address[0].replace(old, new))


def assert_said(home: Home, kind: str, word: str) -> None:
    """A pass reports it and loses nothing; commands say it in one line with a hint within 8 s."""
    done = home.try_("sync", "--json")
    assert done.code == 0, done
    assert done.json["remote"]["error"]["class"] == kind, done.json["remote"]
    assert word in done.json["remote"]["error"]["message"]
    began = time.monotonic()
    read = home.try_("archive", "status")
    assert (read.code, read.stderr.count("\n")) == (1, 1), read
    assert read.stderr.startswith("journal: ")
    assert read.stderr.endswith(")\n"), read
    assert time.monotonic() - began < 8
    assert PASSWORD not in read.stderr + done.stdout + done.stderr


def assert_nothing_lost(team: Team, home: Home, whole: str) -> None:
    (home.path / "config.toml").write_text(whole)
    home.run("sync")
    assert sorted(team.ids()) == sorted(home.reported.ids)


OLD_SERVER = b"".join((
    b"R\0\0\0\x08\0\0\0\0",  # welcome, without a password
    b"S\0\0\0\x18server_version\x0014.9\0",
    b"Z\0\0\0\x05I",
))  # fmt: skip


def test_errors_are_named_and_nothing_is_lost(team: Team, ada: Home) -> None:
    whole = (ada.path / "config.toml").read_text()
    port, database = str(team.server.port), team.database
    with listener(None) as silent, listener(b"N") as without_tls, listener(OLD_SERVER) as old:
        cases = [
            (port, "1", "unreachable", "cannot reach"),
            ("127.0.0.1", "no-such-host.invalid", "unreachable", "cannot reach"),
            (port, str(silent), "timeout", "no connection"),
            # A host that is not local to the program, though it leads here.
            ("127.0.0.1", "0.0.0.0", "tls", "SSL"),
            (f"{port}/{database}", f"{without_tls}/{database}?sslmode=require", "tls", "SSL"),
            (f"{port}/{database}", f"{old}/{database}?sslmode=disable", "schema", "14 is too old"),
            (f"/{database}", "/no_such_database", "not_found", "no_such_database"),
            ("ada@", "nobody_there@", "auth", "~/.pgpass"),
            (f":{port}", ":70000", "settings", "port"),
            (f"/{database}", f"/{database}?sslmode=maybe", "settings", "sslmode"),
        ]
        for old_part, new_part, kind, word in cases:
            (ada.path / "config.toml").write_text(url(ada, old_part, new_part))
            assert_said(ada, kind, word)
            (ada.path / "config.toml").write_text(whole)
    change(ada, ('"ARCHIVE_TOKEN"', '"NOT_SET"'))
    assert ada.sync()["remote"]["error"]["class"] == "no_token"
    assert_nothing_lost(team, ada, whole)


def test_a_server_with_another_protocol_is_reported(ada: Home, team: Team) -> None:
    whole = (ada.path / "config.toml").read_text()
    with listener(b"HTTP/1.1") as other:
        (ada.path / "config.toml").write_text(url(ada, str(team.server.port), str(other)))
        assert ada.sync()["remote"]["error"]["class"] in ("unreachable", "tls", "dropped")
    assert_nothing_lost(team, ada, whole)


def test_tls_is_used_and_the_certificate_checked_as_the_address_says(
    team: Team, ada: Home, tmp_path: Path
) -> None:
    whole = (ada.path / "config.toml").read_text()
    port, made = str(team.server.port), certificate(tmp_path)
    with tls_proxy(team.server.port, made) as proxy:

        def through(host: str, options: str = "") -> None:
            (ada.path / "config.toml").write_text(whole)
            text = url(ada, f"127.0.0.1:{port}/{team.database}",
                       f"{host}:{proxy}/{team.database}{options}")  # fmt: skip
            (ada.path / "config.toml").write_text(text)

        full = f"?sslmode=verify-full&sslrootcert={made}"
        through("127.0.0.1", "?sslmode=verify-full&sslrootcert=system")
        assert_said(ada, "tls", "certificate verify failed")
        through("0.0.0.0", full)  # not the name in the certificate
        assert_said(ada, "tls", "0.0.0.0")
        through("127.0.0.1", "?sslmode=disable")  # what the proxy does not take
        assert ada.sync()["remote"]["error"]["class"] in ("unreachable", "dropped")
        through("0.0.0.0")
        assert ada.json("replay", "--all")["failed"] == 0
        through("127.0.0.1", full)
        ada.reported.turn("two")
        ada.run("sync")
        assert ada.json("archive", "status")["own"]["sessions"] == 2
    assert_nothing_lost(team, ada, whole)


def test_an_invalid_address_is_reported(ada: Home) -> None:
    for place in ("http://127.0.0.1/team", "127.0.0.1/team", ""):
        (ada.path / "config.toml").write_text(f'[remote]\nkind = "postgres"\nurl = "{place}"\n')
        done = ada.try_("archive", "status")
        assert (done.code, done.stderr.count("\n")) == (2, 1), done
        assert "config.toml: remote.url " in done.stderr
        assert done.stderr.endswith("config.example.toml explains every key)\n")


def test_a_password_in_the_address_is_refused_and_not_repeated(ada: Home) -> None:
    for url in ("ada:hunter2@127.0.0.1", "127.0.0.1/db?password=hunter2", "ada:hunter2@/db"):
        config = f'[remote]\nkind = "postgres"\nurl = "postgresql://{url}"\n'
        (ada.path / "config.toml").write_text(config)
        done = ada.try_("sync")
        assert (done.code, done.stderr.count("\n")) == (2, 1), done
        assert "hunter2" not in done.stderr
        assert "~/.pgpass" in done.stderr


def test_a_wrong_password_pauses_and_is_not_shown(ada: Home) -> None:
    done = ada.commands.run(ada.path, "sync", "--json", token="wrong-secret")
    assert done.json["remote"]["error"]["class"] == "auth"
    assert "wrong-secret" not in done.stdout + done.stderr
    kept = b"".join(path.read_bytes() for path in ada.path.rglob("*") if path.is_file())
    assert b"wrong-secret" not in kept


def test_a_read_only_server_and_one_that_is_full_are_tried_again(team: Team, ada: Home) -> None:
    database = team.database
    with team.server.superuser() as connection:
        connection.execute(f"alter database {database} set default_transaction_read_only = on")
    assert ada.sync()["remote"]["error"]["class"] == "read_only"
    with team.server.superuser() as connection:
        connection.execute(f"alter database {database} reset default_transaction_read_only")
    with team.connect("postgres") as connection:
        connection.execute(
            "create function full_disk() returns trigger language plpgsql as"
            " 'begin raise exception using errcode = ''53100'', message = ''no space''; end'"
        )
        connection.execute(
            "create trigger full_disk before insert on records execute function full_disk()"
        )
    ada.reported.turn("one")
    report = ada.json("replay", "--all")
    assert report["failed"] == 1
    assert ada.json("status")["remote"]["last_error"] is not None
    with team.connect("postgres") as connection:
        connection.execute("drop trigger full_disk on records")
    ada.json("replay", "--all")
    ada.run("sync")
    assert sorted(team.ids()) == sorted(ada.reported.ids)


def test_a_statement_that_takes_too_long_is_cancelled_on_the_server(team: Team, ada: Home) -> None:
    ada.run("sync")
    change(ada, ("timeout_seconds = 10", "timeout_seconds = 1.5"))
    with team.connect("postgres") as blocker:
        blocker.execute("begin")
        blocker.execute("lock table records in access exclusive mode")
        ada.reported.turn("one")
        assert ada.sync()["remote"]["error"]["class"] in ("timeout", "busy")
        query = """
            select count(*) from pg_stat_activity
            where application_name = 'agent-journal' and datname = current_database()
            and state = 'active'
        """
        end = time.monotonic() + 20
        while team.rows("postgres", query) != [(0,)]:
            assert time.monotonic() < end
        blocker.execute("rollback")
    ada.json("replay", "--all")
    ada.run("sync")
    assert sorted(team.ids()) == sorted(ada.reported.ids)


@pytest.mark.parametrize(
    ("rest", "environ", "mode"),
    [
        ("@localhost/t", {}, None),
        ("@/t", {}, None),
        ("@127.0.0.1,db.example.com/t", {}, "require"),
        ("@db.example.com/t?sslmode=disable", {}, "disable"),
        ("@localhost/t?hostaddr=192.0.2.1", {}, "require"),
        ("@/t", {"PGHOST": "db.example.com"}, "require"),
        ("@/t", {"PGHOST": "db.example.com", "PGSSLMODE": "prefer"}, None),
        ("@localhost/t", {"PGHOSTADDR": "192.0.2.1"}, "require"),
        ("@/t?service=far", {}, "require"),
        ("@/t", {"PGSERVICE": "checked"}, None),
    ],
)
def test_a_host_that_is_not_local_needs_tls(
    tmp_path: Path, rest: str, environ: dict[str, str], mode: str | None
) -> None:
    services = tmp_path / "services"
    services.write_text("[far]\nhost=db.example.com\n[checked]\nhost=x.org\nsslmode=verify-full\n")
    remote = Remote.model_validate({"kind": "postgres", "url": f"postgresql://lea{rest}"})
    found = address(remote, {"PGSERVICEFILE": str(services), **environ})
    assert found.parameters.get("sslmode") == mode
