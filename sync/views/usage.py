"""The view of tokens: what a session's model used, counted once for each message.

A message has several records in a transcript, and the first may be written before it is whole: the
one with the most output counts. What the agent itself counted (its totals) may be more than its
messages: the compaction of a conversation is on no line.
"""

from typing import Any, NamedTuple

import apsw

from sync.views.change import Change

_INSERT = """
insert into usage values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (session, message) do update set
  model = excluded.model, input = excluded.input, output = excluded.output,
  cache_read = excluded.cache_read, cache_write = excluded.cache_write,
  at_us = min(at_us, excluded.at_us), inherited = max(inherited, excluded.inherited)
where (excluded.output, excluded.input, excluded.cache_read, excluded.cache_write, excluded.model)
  >= (output, input, cache_read, cache_write, model)
"""
_TOTALS = """
insert into totals values (?, ?, ?, ?, ?, ?, ?) on conflict (session, model) do update set
  at_us = excluded.at_us, input = excluded.input, output = excluded.output,
  cache_read = excluded.cache_read, cache_write = excluded.cache_write
where (excluded.input + excluded.output + excluded.cache_read + excluded.cache_write,
    excluded.at_us, excluded.input, excluded.output, excluded.cache_read)
  > (input + output + cache_read + cache_write, at_us, input, output, cache_read)
"""
# What the totals count beyond the messages up to their moment is a message of its own.
_REST = """
insert or replace into usage
select t.session, '~' || t.model, t.model, t.at_us, 0, {} from totals t
left join (
  select u.model, sum(u.input) input, sum(u.output) output, sum(u.cache_read) cache_read,
    sum(u.cache_write) cache_write
  from usage u join totals c on c.session = u.session and c.model = u.model
  where u.session = ?1 and u.at_us <= c.at_us and substr(u.message, 1, 1) <> '~'
  group by u.model
) m on m.model = t.model
where t.session = ?1
""".format(
    ", ".join(
        f"max(0, t.{name} - coalesce(m.{name}, 0))"
        for name in ("input", "output", "cache_read", "cache_write")
    )
)
REST, INHERITS = "rest_tokens", "inherits_tokens"  # keys of `of_row`
_NOTHING = "input + output + cache_read + cache_write = 0"


class Tokens(NamedTuple):
    """The tokens of a session, and of how many messages of a model."""

    messages: int
    input: int
    output: int
    cache_read: int
    cache_write: int


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Add what the new events say of tokens, also those that a hook reports as well."""
    rows, totals, changed = [], [], set()
    for change in changes:
        for event in change.events:
            meaning = event.meaning
            if (used := meaning.usage) is not None:
                rows.append(
                    (change.session, used[0], used[1], event.at_us, meaning.inherited, *used[2:])
                )
                changed.add(change.session)
            for used in meaning.totals:
                totals.append((change.session, used.model, event.at_us, *used[2:]))
                changed.add(change.session)
    if not changed:
        return
    db.executemany(_INSERT, rows)
    db.executemany(_TOTALS, totals)
    for session in changed:
        if db.execute("select 1 from totals where session = ?", (session,)).fetchone():
            db.execute(_REST, (session,))
            rest = "message = '~' || model"
            db.execute(f"delete from usage where session = ? and {rest} and {_NOTHING}", (session,))


def drop(db: apsw.Connection, session: int) -> None:
    """Remove the session's rows, before it is folded again."""
    for table in ("usage", "totals"):
        db.execute(f"delete from {table} where session = ?", (session,))


def of(db: apsw.Connection, session: int) -> Tokens | None:
    """The tokens of a session; None if unknown."""
    query = """
        select count(*) filter (where substr(message, 1, 1) <> '~'), sum(input), sum(output),
          sum(cache_read), sum(cache_write)
        from usage where session = ?
    """
    row: Any = db.execute(query, (session,)).fetchone()
    return Tokens(*row) if row and row[1] is not None else None


def of_row(db: apsw.Connection, session: int) -> dict[str, Any]:
    """What the team archive cannot derive from a session's messages alone; often nothing.

    REST: the tokens that the agent counted beyond them, as model, moment and the four kinds.
    INHERITS: the session has messages from the session that it forked.
    """
    query = """
        select model, at_us, input, output, cache_read, cache_write from usage
        where session = ? and substr(message, 1, 1) = '~' order by model
    """
    rest = list(db.execute(query, (session,)))
    inherits = db.execute("select max(inherited) from usage where session = ?", (session,)).get
    return {**({REST: rest} if rest else {}), **({INHERITS: True} if inherits else {})}
