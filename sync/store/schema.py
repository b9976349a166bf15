"""The database's tables and the ladder that leads every older schema to this one.

Facts are what the journal says; views are derived from them and may be dropped and made again.
Each step of the ladder and the number that notes it are one transaction.
"""

import apsw

APPLICATION_ID = 0x414A4E4C  # "AJNL"

_FACTS = """
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
"""

_VIEWS = """
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
"""

_MEMORY = """
create table binds (               -- what MemoryId records say, and what became of each
  record blob primary key,         -- own_facts.id
  at_us integer not null,
  agent text not null,
  session text not null,
  memory_id text not null,
  refused text                     -- why; null: it stands, or says again what stands
) strict, without rowid;
create index binds_by_session on binds (agent, session);
create index binds_by_memory_id on binds (memory_id);
create index refused_binds on binds (at_us, record) where refused is not null;

create table memory_ids (          -- the one of a session, which may not have begun yet
  agent text not null,
  session text not null,
  memory_id text not null unique,
  minted integer,                  -- null: bound; else how many mints before it were taken
  primary key (agent, session),
  check (memory_id <> session)
) strict, without rowid;
create index minted_anew on memory_ids (minted) where minted > 0;

create table memory_agent (        -- the kind for which sessions without a bind were minted
  kind text not null
) strict;

create table model_records (       -- what the journal says of the calls of a model
  record blob primary key,         -- own_facts.id
  at_us integer not null,
  agent text not null,
  session text not null,
  kind text not null,              -- 'call' (before it was made), 'failure' or 'summary'
  covers_us integer not null,      -- of a summary: of the last event that it knows
  said text not null               -- of a summary its JSON, of a failure the reason
) strict, without rowid;
create index model_records_by_session on model_records (agent, session, kind, at_us);
create index model_records_by_time on model_records (at_us);

create table model_work (          -- sessions that went on while a model was to summarise them
  session integer primary key
) strict;
"""

_ARCHIVE = """
create table pieces (              -- parts of sessions that a remote has, or is to have
  key integer primary key,
  remote text not null,            -- its name
  agent text not null,
  session text not null,
  host text not null,              -- that made the piece
  number integer not null,         -- in its session and host, from 1
  part text not null,              -- of a piece that had to be split; else empty
  state text not null,             -- 'waiting' (in retry/), 'delivered' or 'dead'
  at_us integer not null,          -- since when
  file text not null,              -- in retry/; "" if it is not there
  unique (remote, agent, session, host, number, part)
) strict;
create index waiting_pieces on pieces (state) where state <> 'delivered';
create index pieces_by_session on pieces (agent, session);

create table archived (            -- what each piece covers
  event blob not null,             -- its id: it may be read later than the receipt
  piece integer not null,
  primary key (event, piece)
) strict, without rowid;
create index archived_by_piece on archived (piece);

create table archive_remote (      -- to which everything goes
  name text not null
) strict;

create table archive_work (        -- sessions with events that no piece covers
  session integer primary key,
  since_us integer not null        -- when the first of them was stored
) strict;
"""

_LIVES = """
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
"""

_TRANSCRIPTS = """
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
"""

_CONVERSATION = """
create table items (               -- prompts, answers and calls, each once, whoever tells them
  key integer primary key,
  session integer not null,
  position integer not null,       -- in the conversation of its session
  kind text not null,              -- 'prompt', 'answer' or 'call'
  seq integer not null,            -- the event that says it; of a call its start, else its end
  end_seq integer,                 -- of a call: the event of its end
  name text,                       -- of a call: its id; "~..." where the agent gives none
  tool text,
  file text,                       -- that the call read or changed
  ok integer,                      -- null: not ended
  digest blob,                     -- of tool, input and output: what repeats is equal
  author text,                     -- of a prompt: 'person', 'machine' or 'unknown'
  subagent text not null,          -- "" is the session itself
  failed integer not null,         -- of an answer: the turn failed
  taken_back integer not null,
  inherited integer not null       -- from the session that this one is a fork of
) strict;
create index items_by_session on items (session, position);
create unique index calls_by_name on items (session, name) where name is not null;
create index items_by_file on items (file) where file is not null;

create table steps (               -- the events that tell the conversation, in its order
  session integer not null,
  position integer not null,
  seq integer not null,
  patch text,                      -- JSON: what the conversation says of it beyond its record
  primary key (session, position)
) strict, without rowid;

create table turns (               -- the agent's own ids of turns that were seen
  session integer not null,
  name text not null,
  primary key (session, name)
) strict, without rowid;

create table last_turns (          -- the state of a session before its last turn
  session integer primary key,
  names text not null,             -- lines; more than one while a sub-agent works on
  start_us integer not null,       -- of its first event
  position integer not null,       -- of its first step
  told integer not null,           -- 1: a transcript tells of it
  queued integer not null,         -- 1: a prompt waits in it
  state blob not null
) strict;

-- What was derived of sessions whose events have lost their bodies is all that is left of them.
create temp table gaps as select distinct session from events where raw = 2;
insert into items (session, position, kind, seq, author, subagent, failed, taken_back, inherited)
  select p.session, p.seq, 'prompt', p.seq, iif(p.by_person, 'person', 'machine'), '', 0, 0, 0
  from prompts p where p.session in gaps;
insert into items (session, position, kind, seq, end_seq, name, tool, file, ok, digest, subagent,
    failed, taken_back, inherited)
  select o.session, coalesce(before_seq, told_before, after_seq, told_after), 'call',
    coalesce(before_seq, told_before, after_seq, told_after), coalesce(after_seq, told_after),
    tool_use_id, tool, file, coalesce(ok, told_ok), digest, '', 0, 0, 0
  from observations o where o.session in gaps
    and coalesce(before_seq, told_before, after_seq, told_after) is not null;
insert into steps select session, seq, seq, null from events where session in gaps;
drop table gaps;
drop table prompts;
drop table observations;
drop table said;

alter table usage rename to old_usage;
create table usage (               -- tokens, once for each message of a model
  session integer not null,
  message text not null,           -- "" with the model behind it: what the agent counted besides
  model text not null,
  at_us integer not null,
  inherited integer not null,
  input integer not null,
  output integer not null,
  cache_read integer not null,
  cache_write integer not null,
  primary key (session, message)
) strict, without rowid;
create index usage_by_message on usage (message);
insert into usage select u.session, message, model, s.last_us, 0, input, output, cache_read,
  cache_write from old_usage u join session_states s using (session);
drop table old_usage;

create table totals (              -- what the agent itself counted, up to a moment
  session integer not null,
  model text not null,
  at_us integer not null,
  input integer not null,
  output integer not null,
  cache_read integer not null,
  cache_write integer not null,
  primary key (session, model)
) strict, without rowid;
"""

_NOTIFIED = """
create table notified (            -- waits of which the person was told, or that were too old
  session integer primary key,
  question_us integer not null     -- since when it waits
) strict;
"""

# Text for programs that read the database without this one; all else they see through the views.
_SQL_VIEWS = """
create table item_texts (          -- of prompts and answers; of calls what they worked on
  seq integer primary key,         -- the event that items.seq names
  text text not null
) strict;

create view v_sessions as
select s.id as session, m.memory_id, s.agent,
  coalesce(nullif(s.project_name, ''), s.cwd) as project, s.project as project_key,
  s.cwd, s.branch, s.host, s.status as state, s.triggers <> '' as adopted,
  coalesce(p.pinned, 0) as pinned, s.title,
  strftime('%Y-%m-%dT%H:%M:%S', s.started_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.started_us % 1000000) as started_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.last_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.last_us % 1000000) as last_active_at,
  strftime('%Y-%m-%dT%H:%M:%S', s.ended_us / 1000000, 'unixepoch')
    || printf('.%06dZ', s.ended_us % 1000000) as ended_at,
  nullif(s.end_reason, '') as end_reason, s.events, s.prompts, v.summary
from session_states s left join memory_ids m on m.agent = s.agent and m.session = s.id
left join pins p on p.agent = s.agent and p.session = s.id
left join summaries v on v.session = s.session;

create view v_prompts as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  lower(hex(e.id)) as event_id,
  strftime('%Y-%m-%dT%H:%M:%S', e.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.at_us % 1000000) as at,
  t.text, coalesce(nullif(o.author, ''), 'unknown') as by, o.author is not 'machine' as by_person,
  o.taken_back, o.inherited
from items o join session_states s using (session) join events e on e.seq = o.seq
left join item_texts t on t.seq = o.seq where o.kind = 'prompt';

create view v_answers as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  lower(hex(e.id)) as event_id,
  strftime('%Y-%m-%dT%H:%M:%S', e.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.at_us % 1000000) as at,
  t.text, nullif(o.subagent, '') as agent_id, o.failed, o.taken_back, o.inherited
from items o join session_states s using (session) join events e on e.seq = o.seq
left join item_texts t on t.seq = o.seq where o.kind = 'answer';

create view v_tool_calls as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  lower(hex(e.id)) as event_id,
  strftime('%Y-%m-%dT%H:%M:%S', e.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', e.at_us % 1000000) as at,
  strftime('%Y-%m-%dT%H:%M:%S', z.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', z.at_us % 1000000) as ended_at,
  o.tool, iif(o.name like '~%', null, o.name) as tool_use_id, o.file as path, t.text, o.ok,
  nullif(o.subagent, '') as agent_id, o.taken_back, o.inherited
from items o join session_states s using (session) join events e on e.seq = o.seq
left join events z on z.seq = o.end_seq left join item_texts t on t.seq = o.seq
where o.kind = 'call';

create view v_files as
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project,
  o.file as path, o.tool, count(*) as calls,
  strftime('%Y-%m-%dT%H:%M:%S', min(e.at_us) / 1000000, 'unixepoch')
    || printf('.%06dZ', min(e.at_us) % 1000000) as first_at,
  strftime('%Y-%m-%dT%H:%M:%S', max(e.at_us) / 1000000, 'unixepoch')
    || printf('.%06dZ', max(e.at_us) % 1000000) as last_at
from items o join session_states s using (session) join events e on e.seq = o.seq
where o.file is not null and not o.inherited group by o.session, o.file, o.tool;

create view v_usage as             -- a message that forks share belongs to the earlier session
select s.id as session, s.agent, coalesce(nullif(s.project_name, ''), s.cwd) as project, u.model,
  strftime('%Y-%m-%dT%H:%M:%S', u.at_us / 1000000, 'unixepoch')
    || printf('.%06dZ', u.at_us % 1000000) as at,
  u.input, u.output, u.cache_read, u.cache_write
from (
  select u.*, iif(substr(u.message, 1, 1) = '~', 1, row_number() over (
    partition by u.message, s.agent order by u.inherited, s.started_us, s.id)) as number
  from usage u join session_states s using (session)
) u join session_states s using (session) where u.number = 1;
"""


# The words are made by journal/words.py, so that any SQLite can read the index.
_WORDS = """
drop table full_text;
create virtual table full_text using fts5(
  text, content='', contentless_delete=1, tokenize="ascii"
);
insert into full_text (full_text, rank) values ('hashsize', 16777216);
insert into full_text (full_text, rank) values ('automerge', 16);
insert into full_text (full_text, rank) values ('crisismerge', 64);
"""

_TRUST = """
create table arrivals (            -- when something of a session came into this home
  agent text not null,
  session text not null,
  first_us integer not null,
  at_us integer not null,          -- the last time
  primary key (agent, session)
) strict, without rowid;
create index arrivals_by_time on arrivals (at_us);

create table held_packs (          -- the packs whose records this database holds
  name text primary key,           -- below packs/
  size integer not null,
  modified_ns integer not null,
  ending blob not null             -- the last bytes of the file: checksum and length (RFC 1952)
) strict, without rowid;

create table home (                -- whose database this is
  id text not null
) strict;

create table project_folders (     -- which folders that name a remote belong to its project
  project text not null,           -- the key that the folder claims
  home text not null,
  folder text not null,            -- the common git directory, else the top of the working tree
  belongs integer not null,        -- 0: it has not shown a commit of the project
  primary key (project, home, folder)
) strict, without rowid;

alter table model_records add column after blob;  -- the record that this one replaces
alter table session_states add column head_us integer not null default 0;  -- of the last event
update session_states set head_us = last_us;
create index dated_ahead on session_states (session) where last_us < head_us;
-- A date ahead of the clock counts as arrived now.
insert into arrivals select agent, id, started_us, unixepoch() * 1000000 from session_states
where last_us > unixepoch() * 1000000;
update session_states set last_us = min(last_us, unixepoch() * 1000000);
"""


_BLOCKS = """
create table blocks (              -- payloads of events that arrived together, see blocks.py
  key integer primary key,         -- of its first part the row of the first of these events
  events integer not null,         -- how many they are, in consecutive rows; of other parts 0
  data blob not null
) strict;
"""

_REPLACED_BINDS = """
-- The memory id that a bind replaces; null: it replaces none.
alter table binds add column replaces text;
"""


def _first(db: apsw.Connection) -> None:
    db.execute(_FACTS)
    db.execute(_VIEWS)


def _second(db: apsw.Connection) -> None:
    db.execute(_MEMORY)


def _third(db: apsw.Connection) -> None:
    db.execute(_ARCHIVE)


def _fourth(db: apsw.Connection) -> None:
    db.execute(_LIVES)


def _fifth(db: apsw.Connection) -> None:
    db.execute(_TRANSCRIPTS)


def _sixth(db: apsw.Connection) -> None:
    db.execute(_CONVERSATION)
    db.execute(_NOTIFIED)
    db.execute(_WORDS)
    db.execute(_TRUST)
    db.execute(_REPLACED_BINDS)
    db.execute(_BLOCKS)
    db.execute(_SQL_VIEWS)


# Step n leads from user_version n to n + 1.
LADDER = (_first, _second, _third, _fourth, _fifth, _sixth)
VERSION = len(LADDER)
# A table that each step makes, by which a database shows its schema.
LANDMARKS = ("events", "binds", "pieces", "pins", "transcripts", "arrivals")
