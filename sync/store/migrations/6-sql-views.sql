-- Views for other programs, described in docs/sql.md; they are all that these programs need.

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
