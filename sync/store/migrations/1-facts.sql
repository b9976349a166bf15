-- Facts: what the journal says.

create table sessions (            -- who is meant: the agent and its own session id
  key integer primary key,
  agent text not null,
  id text not null,
  unique (agent, id)
) strict;

create table origins (             -- the headers' other keys; one row serves a whole session
  key integer primary key,
  header text not null unique      -- JSON object: host, pid, entrypoint, plan, git, unknown keys
) strict;

create table events (
  seq integer primary key,
  id blob not null unique,         -- UUIDv7, 16 bytes, minted at capture
  session integer not null references sessions,
  at_us integer not null,          -- microseconds since 1970, UTC
  name text not null,              -- the agent's own name for the event
  origin integer not null references origins,
  raw integer not null,            -- 1: the body is the text of something that was no object
  body blob                        -- see bodies.py; null for an empty payload
) strict;
create index events_by_time on events (session, at_us);

create table bodies (              -- large values, once each, by their content
  digest blob primary key,
  data blob not null
) strict, without rowid;

create table body_uses (
  digest blob not null,
  seq integer not null,
  primary key (digest, seq)
) strict, without rowid;

create table own_facts (           -- the journal's own records: binds, pins, tombstones, receipts
  id blob primary key,
  at_us integer not null,
  name text not null,
  session text not null,
  line blob not null               -- the whole record, redacted
) strict, without rowid;

create table cursors (             -- how far each journal file has been read
  path text primary key,           -- below days/
  inode integer not null,
  modified_ns integer not null,
  offset integer not null,         -- behind the last whole line that is stored
  tail blob not null               -- length and hash of the last line before the offset
) strict, without rowid;
