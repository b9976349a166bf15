-- Pins, inferred ends and tombstones.

create table pins (                -- sessions that are exempt from reaping and retention
  agent text not null,
  session text not null,
  at_us integer not null,          -- of the record that says so, with `record` their order
  record blob not null,
  pinned integer not null,         -- 0: the last one took the pin out
  primary key (agent, session)
) strict, without rowid;

create table inferred_ends (       -- of sessions that did not say their end
  agent text not null,
  session text not null,
  last_us integer not null,        -- of the last event that was known: a later one lifts the end
  reason text not null,
  primary key (agent, session)
) strict, without rowid;

create table tombstones (          -- sessions of which nothing is kept up to a moment
  agent text not null,
  session text not null,
  until_us integer not null,
  primary key (agent, session)
) strict, without rowid;

alter table session_states add column end_reason text not null default '';
create index open_sessions on session_states (last_us) where status <> 'finished';
