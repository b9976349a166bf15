-- Views: what is derived from facts.

create table session_states (
  session integer primary key,
  agent text not null,
  id text not null,
  last_us integer not null,
  last_id blob not null,           -- of the last event folded, by (at_us, id)
  status text not null,
  triggers text not null,          -- of adoption, separated by spaces
  project text not null,
  project_name text not null,
  cwd text not null,
  branch text not null,
  host text not null,
  title text not null,
  started_us integer not null,
  ended_us integer,
  events integer not null,
  prompts integer not null,
  state blob not null              -- journal/state.py; last, because lists do not read it
) strict;
-- Sessions that never did anything are most of some homes: lists must not pass over them.
create index shown_by_project on session_states (project, last_us) where triggers <> '';
create index shown_by_time on session_states (last_us) where triggers <> '';
create index session_states_by_id on session_states (id);

create table prompts (
  seq integer primary key,
  session integer not null,
  by_person integer not null
) strict;
create index prompts_by_session on prompts (session);

create table observations (        -- one a tool call
  key integer primary key,
  session integer not null,
  tool_use_id text,                -- null: the agent gave none
  tool text not null,
  before_seq integer,              -- the event of its start
  after_seq integer,               -- the event of its end; null: not ended, or cut off
  ok integer,                      -- null: not ended
  repeats integer not null,        -- further ends under the same tool_use_id (two hooks)
  digest blob,                     -- of tool, input and output: what repeats is equal
  unique (session, tool_use_id)
) strict;

create table summaries (
  session integer primary key,
  summary text not null            -- JSON, see journal/summary.py
) strict;

create table view_version (        -- of the code that derived the views, see sync/views
  version integer not null
) strict;

create table stale_contexts (      -- projects whose prepared context is older than its facts
  project text primary key
) strict, without rowid;

create virtual table full_text using fts5(
  text, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 2"
);
-- A batch becomes one segment, and segments are merged by sixteens: half the work of the defaults.
insert into full_text (full_text, rank) values ('hashsize', 16777216);
insert into full_text (full_text, rank) values ('automerge', 16);
insert into full_text (full_text, rank) values ('crisismerge', 64);
