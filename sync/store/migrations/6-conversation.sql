-- One conversation of hooks and transcript; tokens; notices.

create table items (               -- prompts, answers and calls, each once
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

create table notified (            -- waits of which the person was told, or that were too old
  session integer primary key,
  question_us integer not null     -- since when it waits
) strict;
