"""Who sees what: tried with a role of its own and no help of the program."""

import re

import psycopg
import pytest

from commands import Commands
from postgres_server import ADMINISTRATOR, BEN, Server
from team import Team

SECRET = "marzipan"
RELATIONS = """
select c.oid::regclass::text, c.relkind::text from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = %s and c.relkind in ('r', 'v', 'm', 'p', 'S', 'f')
"""
FUNCTIONS = """
select p.oid::regprocedure::text, p.prosecdef from pg_proc p
join pg_namespace n on n.oid = p.pronamespace where n.nspname = %s
"""
MATCHING = """
select * from matching(%s::tsquery, 255, 0, 1::bigint << 62, 1::bigint << 62,
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 100, null, null, null, null, null, null, null,
  0, 1::bigint << 62,  '{}', '{}', '{}', '{}')
"""


@pytest.fixture(scope="module")
def filled(
    server: Server, commands: Commands, tmp_path_factory: pytest.TempPathFactory, template: str
) -> Team:
    folder = tmp_path_factory.mktemp("filled")
    team = Team(server, folder, commands, server.database(template))
    ada = team.home("laptop", "ada")
    ada.reported.turn("one", more=f" {SECRET}")
    ada.run("sync")
    return team


def everything(team: Team, role: str) -> str:
    """All that a role can read from anything in the schema, errors included."""
    found = []
    with team.connect(role) as connection:
        for name, kind in connection.execute(RELATIONS, (team.schema,)).fetchall():
            try:
                rows = connection.execute(f"select * from {name}").fetchall()
                found += [(name, row) for row in rows if kind != "S"]
            except psycopg.Error as error:
                found.append((name, str(error)))
    return repr(found)


def test_every_table_has_row_level_security_forced(filled: Team) -> None:
    query = """
        select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %s and relkind in ('r', 'p')
        and not (relrowsecurity and relforcerowsecurity)
    """
    assert filled.rows("postgres", query, filled.schema) == []


def test_another_person_gets_nothing_of_what_is_not_shared(filled: Team) -> None:
    assert SECRET in everything(filled, "ada")
    for role in (BEN, ADMINISTRATOR):
        said = everything(filled, role)
        assert SECRET not in said
        assert "'ada'" not in said.replace("permission denied", "") or role == ADMINISTRATOR
    assert filled.rows(BEN, MATCHING, SECRET) == []
    assert len(filled.rows("ada", MATCHING, SECRET)) >= 1


def test_the_functions_of_the_schema_are_those_that_were_looked_at(filled: Team) -> None:
    """A new one that runs with the rights of its owner has to be tried here, too."""
    found = [name for name, _ in filled.rows("postgres", FUNCTIONS, filled.schema)]
    names = sorted(re.sub(r'.*\.|"', "", name.partition("(")[0]) for name in found)
    assert names == ["indexed", "matching"]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into records (owner, id, session, at_us, kinds, line, words)"
        " values ('ada', gen_random_uuid(), 1, 1, 1, '', '')",
        "update sessions set title = 'x'",
        "update sessions set owner = 'ben'",
        "update records set line = ''",
        "delete from records",
        "delete from sessions",
        "insert into shares (owner, project, role) values ('ada', 'x', 'ben')",
        "update archive set version = 0",
        "truncate records",
        "alter table records no force row level security",
        "drop policy own on records",
        "insert into tombstones (owner, session, agent, id, until_us)"
        " values ('ada', gen_random_uuid(), '', '', 1)",
    ],
)
def test_no_one_writes_as_another(filled: Team, statement: str) -> None:
    before = everything(filled, "ada")
    with filled.connect(BEN) as connection:
        said = ""
        try:
            assert connection.execute(statement).rowcount == 0
        except psycopg.Error as error:
            said = str(error)
        assert SECRET not in said
    assert everything(filled, "ada") == before


@pytest.mark.parametrize("query", [
    "select 1 / (position(%s in convert_from(line, 'UTF8')) - position(%s in"
    " convert_from(line, 'UTF8'))) from records",
    "select line::text::integer + length(%s || %s) from records",
    "select cast(title || %s || %s as integer) from sessions",
])  # fmt: skip
def test_errors_reveal_nothing_of_hidden_rows(filled: Team, query: str) -> None:
    """A condition of one's own must not run over rows before row-level security does."""
    assert filled.rows(BEN, query, SECRET, SECRET) == []


def test_a_set_role_makes_no_one_another_person(filled: Team) -> None:
    with filled.connect(BEN) as connection:
        connection.execute("set role agent_journal_user")
        assert connection.execute("select count(*) from records").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set role agent_journal_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("set session authorization ada")


def test_a_shared_project_is_read_by_members_and_no_longer_after_unshare(filled: Team) -> None:
    with filled.server.superuser() as connection:
        name = f"team_{filled.database}"
        connection.execute(f"create role {name}")
    ada = filled.home("desk", "ada")
    ada.run("archive", "share", "x", name)
    assert SECRET not in everything(filled, BEN)
    with filled.server.superuser() as connection:
        connection.execute(f"grant {name} to ben")
    assert SECRET in everything(filled, BEN)
    assert len(filled.rows(BEN, MATCHING, SECRET)) >= 1
    with filled.connect(BEN) as connection:
        for table in ("records", "sessions", "shares"):
            assert connection.execute(f"delete from {table}").rowcount == 0
        assert connection.execute("update sessions set title = ''").rowcount == 0
    ada.run("archive", "unshare", "x", name)
    assert SECRET not in everything(filled, BEN)
    assert filled.rows(BEN, MATCHING, SECRET) == []


def test_figures_are_granted_on_their_own_and_hold_no_text(filled: Team) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        filled.rows(BEN, "select * from figures")
    with filled.connect(ADMINISTRATOR) as connection:
        connection.execute("grant select on figures, token_figures to ben")
    found = filled.rows(BEN, "select * from figures")
    assert [row[0] for row in found] == ["ada"]
    assert SECRET not in repr(found)
    assert filled.rows(BEN, "select count(*) from records") == [(0,)]
    with filled.connect(ADMINISTRATOR) as connection:
        connection.execute("revoke select on figures, token_figures from ben")


def test_an_unknown_role_or_project_is_reported(filled: Team) -> None:
    ada = filled.home("desk-2", "ada")
    for args in (("share", "x", "nobody_there"), ("share", "no such", "ben"),
                 ("unshare", "x", "ben")):  # fmt: skip
        done = ada.try_("archive", *args)
        assert (done.code, done.stderr.count("\n")) == (1, 1), done
        assert "(" in done.stderr
