-- The agents' own files, and what they add to the hooks.

create table transcripts (         -- the agents' own files that are copied, and how far
  path text primary key,
  agent text not null,
  session text not null,
  due integer not null,            -- 1: something ended since it was read
  inode integer not null,          -- as in cursors; 0 with the rest: nothing was read yet
  modified_ns integer not null,
  offset integer not null,
  tail blob not null,
  last_us integer not null         -- the time of the last record that says one
) strict;
create index transcripts_by_session on transcripts (agent, session);
create index due_transcripts on transcripts (path) where due;

create table said (                -- prompts and answers: what hooks and transcripts both tell
  seq integer primary key,
  session integer not null,
  digest blob not null,            -- of the text
  told integer not null            -- 1: a transcript says so, 0: a hook
) strict;
create index said_by_text on said (session, digest);

create table usage (               -- tokens, once for each message of a model
  session integer not null,
  message text not null,
  model text not null,
  input integer not null,
  output integer not null,
  cache_read integer not null,
  cache_write integer not null,
  primary key (session, message)
) strict, without rowid;

alter table observations add column file text;            -- that it read or changed
alter table observations add column told_before integer;  -- the start that a transcript tells of
alter table observations add column told_after integer;
alter table observations add column told_ok integer;

create table redactions (          -- by which rules the events from a row on were cleaned
  from_seq integer primary key,
  rules text not null
) strict;
