-- The first schema of the team archive. {schema} is replaced by the quoted name of the schema.
-- Everything here can be read and run by psql: journal archive init --dry-run prints it.

-- People's login roles are granted agent_journal_user. No role is granted agent_journal_reader: it
-- owns the search function and the views of figures, which show parts of rows that row-level
-- security hides.
do $$
begin
  create role agent_journal_user nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$
begin
  create role agent_journal_reader nologin;
exception when duplicate_object or unique_violation then null;
end $$;

create schema {schema};
revoke all on schema {schema} from public;
grant usage on schema {schema} to agent_journal_user, agent_journal_reader;

create table {schema}.archive (      -- one row
  id uuid not null default gen_random_uuid(),  -- of the archive, under any address
  version integer not null,          -- of this schema
  made_at timestamptz not null default now()
);

create table {schema}.sessions (     -- as the home derives them that knows most of the session
  owner text collate "C" not null default session_user,
  key uuid not null,                 -- made from the agent and its session id
  number bigint not null generated always as identity unique,  -- what records name it by
  agent text not null,
  id text not null,
  home text not null,                -- the id of the home that sent this row
  host text not null,
  project text not null,             -- its key; what `shares` name
  project_name text not null,
  cwd text not null,
  branch text not null,
  state text not null,
  triggers text not null,            -- of adoption, separated by spaces
  title text not null,
  started_us bigint not null,        -- microseconds since 1970, UTC
  last_us bigint not null,
  ended_us bigint,
  events integer not null,           -- that the home knows of
  prompts integer not null,
  shown text not null,               -- the JSON object of `journal sessions --json`
  summary text,                      -- JSON
  words tsvector not null,           -- of the summary
  records integer not null default 0,  -- that the archive holds
  bytes bigint not null default 0,
  changed xid8 not null default pg_current_xact_id(),
  primary key (owner, key)
);
create index sessions_by_change on {schema}.sessions (changed);
create index sessions_by_words on {schema}.sessions using gin (words) with (fastupdate = off);

-- What the index of a record's words holds. The cost makes the planner use that index rather than
-- call this for many rows; in PL/pgSQL, because a function in SQL would lose its cost.
create function {schema}.indexed(words text) returns tsvector
language plpgsql immutable strict parallel safe cost 1000
as $$
begin
  return pg_catalog.array_to_tsvector(pg_catalog.string_to_array(words, ' '));
end $$;
revoke all on function {schema}.indexed from public;
grant execute on function {schema}.indexed to agent_journal_user, agent_journal_reader;

create table {schema}.records (      -- immutable
  at_us bigint not null,
  session bigint not null,           -- sessions.number
  id uuid not null,
  kinds smallint not null,           -- bits: which kinds of text the words are from
  owner text collate "C" not null default session_user,
  line bytea not null,               -- one line of the journal, without its newline
  words text collate "C" not null,   -- separated by one space; a tsvector is half as large again
  primary key (owner, id)
);
create index records_by_session on {schema}.records (session);
create index records_by_time on {schema}.records (at_us);
create index records_by_words on {schema}.records
  using gin ({schema}.indexed(words)) with (fastupdate = off);

create table {schema}.usage (        -- tokens, once for each message of a model in a session
  owner text collate "C" not null default session_user,
  session uuid not null,
  message text not null,
  model text not null,
  at_us bigint not null,
  input bigint not null,
  output bigint not null,
  cache_read bigint not null,
  cache_write bigint not null,
  primary key (owner, session, message)
);

create table {schema}.pieces (       -- receipts: deliveries that were stored whole
  owner text collate "C" not null default session_user,
  sha256 bytea not null,
  session uuid not null,
  home text not null,
  records integer not null,
  at timestamptz not null default now(),
  primary key (owner, sha256)
);

create table {schema}.shares (       -- members of `role` may read the owner's sessions of a project
  owner text collate "C" not null default session_user,
  project text not null,
  role text not null,
  at timestamptz not null default now(),
  primary key (owner, project, role)
);

create table {schema}.tombstones (   -- deleted sessions: nothing up to `until_us` is stored again
  owner text collate "C" not null default session_user,
  session uuid not null,
  agent text not null,
  id text not null,
  until_us bigint not null,
  changed xid8 not null default pg_current_xact_id(),
  primary key (owner, session)
);
create index tombstones_by_change on {schema}.tombstones (changed);

alter table {schema}.archive enable row level security, force row level security;
alter table {schema}.sessions enable row level security, force row level security;
alter table {schema}.records enable row level security, force row level security;
alter table {schema}.usage enable row level security, force row level security;
alter table {schema}.pieces enable row level security, force row level security;
alter table {schema}.shares enable row level security, force row level security;
alter table {schema}.tombstones enable row level security, force row level security;

-- session_user and not current_user: SET ROLE does not make a person another one.
create policy own on {schema}.sessions
  using (owner = session_user::text) with check (owner = session_user::text);
create policy own on {schema}.records
  using (owner = session_user::text) with check (owner = session_user::text);
create policy own on {schema}.usage
  using (owner = session_user::text) with check (owner = session_user::text);
create policy own on {schema}.pieces
  using (owner = session_user::text) with check (owner = session_user::text);
create policy own on {schema}.shares
  using (owner = session_user::text) with check (owner = session_user::text);
create policy own on {schema}.tombstones
  using (owner = session_user::text) with check (owner = session_user::text);
create policy everybody on {schema}.archive for select to agent_journal_user using (true);
create policy administrator on {schema}.archive to current_user using (true) with check (true);

-- What is shared may be read and nothing else. By name: the id of a role changes with a restore.
create policy shared_with_me on {schema}.shares for select using (
  role in (select r.rolname from pg_catalog.pg_roles r
           where pg_catalog.pg_has_role(session_user, r.oid, 'usage')));
create policy shared on {schema}.sessions for select using (
  (owner, project) in (select h.owner, h.project from {schema}.shares h));
create policy shared on {schema}.records for select using (
  session in (select s.number from {schema}.sessions s));
create policy shared on {schema}.usage for select using (
  (owner, session) in (select s.owner, s.key from {schema}.sessions s));

create policy reader on {schema}.sessions for select to agent_journal_reader using (true);
create policy reader on {schema}.records for select to agent_journal_reader using (true);
create policy reader on {schema}.usage for select to agent_journal_reader using (true);
create policy reader on {schema}.shares for select to agent_journal_reader using (true);

grant select on {schema}.archive to agent_journal_user;
grant select, delete on {schema}.sessions, {schema}.records, {schema}.usage, {schema}.pieces,
  {schema}.shares to agent_journal_user;
grant select on {schema}.tombstones to agent_journal_user;
grant insert (key, agent, id, home, host, project, project_name, cwd, branch, state, triggers,
  title, started_us, last_us, ended_us, events, prompts, shown, summary, words)
  on {schema}.sessions to agent_journal_user;
grant update (home, host, project, project_name, cwd, branch, state, triggers, title, started_us,
  last_us, ended_us, events, prompts, shown, summary, words, records, bytes, changed)
  on {schema}.sessions to agent_journal_user;
grant insert (at_us, id, session, kinds, line, words) on {schema}.records to agent_journal_user;
grant insert (session, message, model, at_us, input, output, cache_read, cache_write),
  update (model, at_us, input, output, cache_read, cache_write)
  on {schema}.usage to agent_journal_user;
grant insert (sha256, session, home, records) on {schema}.pieces to agent_journal_user;
grant insert (project, role) on {schema}.shares to agent_journal_user;
grant insert (session, agent, id, until_us), update (until_us, changed)
  on {schema}.tombstones to agent_journal_user;
grant select (owner, key, number, agent, project, project_name, cwd, host, branch, state, triggers,
  started_us, last_us, events, prompts, records, bytes, words)
  on {schema}.sessions to agent_journal_reader;
grant select (owner, id, session, at_us, kinds, words) on {schema}.records to agent_journal_reader;
grant select on {schema}.usage, {schema}.shares to agent_journal_reader;

-- The full-text index cannot serve a query that row-level security filters: @@ is not leakproof,
-- so PostgreSQL would look at every row that I may read. This function uses the index and names
-- the rows of mine or shared with me; their texts are read under row-level security.
--
-- The newest come first, so it looks at a few hundred of the newest records, then at more, then at all
-- others: a common word is found in the first look, a rare one by the index in the last.
-- It returns up to `most` records and up to `most` summaries, in no order.
create function {schema}.matching(
  query tsquery, of_kinds integer, since_us bigint, until_us bigint,
  before_us bigint, before_id uuid, most integer,
  with_owner text, with_agent text, with_project text, with_branch text, with_host text,
  with_state text, with_triggers text[], active_since_us bigint, active_until_us bigint,
  folder_keys text[], folder_owns text[], folder_paths text[], folder_tops text[]
) returns table (found_session bigint, found_id uuid, found_us bigint, is_summary boolean)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
set work_mem = '32MB'
as $$
declare
  visible bigint[];
  few bigint[];                      -- the same, if the index by session may be of use
  upper_us bigint := least(until_us, before_us + 1);
  lower_us bigint;
  looks integer[] := array[500, 5000, 50000];
  look integer := 1;
  missing bigint := most;
  found bigint;
begin
  visible := array(
    select s.number from {schema}.sessions s
    where (s.owner = session_user::text or (s.owner, s.project) in (
        select h.owner, h.project from {schema}.shares h join pg_roles r on r.rolname = h.role
        where pg_has_role(session_user, r.oid, 'usage')))
      and (with_owner is null or s.owner = with_owner)
      and (with_agent is null or s.agent = with_agent)
      and (with_project is null or lower(s.project_name) = lower(with_project)
        or s.project in (with_project, 'git:' || with_project))
      and (with_branch is null or s.branch = with_branch)
      and (with_host is null or lower(s.host) = lower(with_host))
      and (with_state is null or s.state = with_state)
      and (with_triggers is null or string_to_array(s.triggers, ' ') && with_triggers)
      and s.last_us >= active_since_us and s.last_us < active_until_us
      and not exists (
        select from unnest(folder_keys, folder_owns, folder_paths, folder_tops)
          f (key, own, paths, top)
        where not (s.project in (f.key, f.own) or (starts_with(s.project, f.paths)
          and (s.cwd = f.top or starts_with(s.cwd, rtrim(f.top, '/') || '/')))))
  );
  if cardinality(visible) = 0 then
    return;
  end if;
  if cardinality(visible) <= 2000 then
    few := visible;
  end if;

  if of_kinds & 128 <> 0 then
    return query
      select s.number, s.key, s.last_us, true from {schema}.sessions s
      where s.words @@ query and s.number in (select unnest(visible))
        and s.last_us >= since_us and s.last_us < until_us
        and (s.last_us, s.key) < (before_us, before_id)
      order by s.last_us desc, s.key desc limit most;
  end if;

  while missing > 0 and upper_us > since_us loop
    lower_us := since_us;
    if look <= cardinality(looks) then
      select r.at_us into lower_us from {schema}.records r
      where r.at_us < upper_us and r.at_us >= since_us
      order by r.at_us desc offset looks[look] limit 1;
      lower_us := coalesce(lower_us, since_us);
      look := look + 1;
    end if;
    return query
      with hits as materialized (    -- no plan that reads in order and hopes to find enough soon
        select r.session, r.id, r.at_us from {schema}.records r
        where {schema}.indexed(r.words) @@ query
          and r.kinds & of_kinds <> 0
          and r.at_us >= lower_us and r.at_us < upper_us
          and (r.at_us, r.id) < (before_us, before_id)
          and (few is null or r.session = any (few))
          and (few is not null or (r.session in (select unnest(visible))) is true)
      )
      select h.session, h.id, h.at_us, false from hits h
      order by h.at_us desc, h.id desc limit missing;
    get diagnostics found = row_count;
    missing := missing - found;
    upper_us := lower_us;
  end loop;
end $$;
revoke all on function {schema}.matching from public;
grant execute on function {schema}.matching to agent_journal_user;

-- Figures without texts, of everybody: granted on their own, to those who need them.
create view {schema}.figures with (security_barrier) as
  select owner, project, project_name, agent,
    (timestamptz 'epoch' + started_us * interval '1 microsecond') at time zone 'UTC' as started_at,
    (timestamptz 'epoch' + last_us * interval '1 microsecond') at time zone 'UTC' as last_active_at,
    events, prompts, records, bytes
  from {schema}.sessions;
create view {schema}.token_figures with (security_barrier) as
  select owner, project, project_name, agent, day, model, count(*) as messages,
    sum(input) as input, sum(output) as output, sum(cache_read) as cache_read,
    sum(cache_write) as cache_write
  from (
    -- A message that forks share belongs to the earlier session.
    select distinct on (u.owner, u.message) u.owner, s.project, s.project_name, s.agent, u.model,
      ((timestamptz 'epoch' + u.at_us * interval '1 microsecond') at time zone 'UTC')::date as day,
      u.input, u.output, u.cache_read, u.cache_write
    from {schema}.usage u join {schema}.sessions s on s.owner = u.owner and s.key = u.session
    order by u.owner, u.message, s.started_us, s.key
  ) once
  group by owner, project, project_name, agent, day, model;
revoke all on {schema}.figures, {schema}.token_figures from public;

-- To hand them over takes membership, and the right to create here; both for a moment.
grant agent_journal_reader to current_user;
grant create on schema {schema} to agent_journal_reader;
alter function {schema}.matching owner to agent_journal_reader;
alter view {schema}.figures owner to agent_journal_reader;
alter view {schema}.token_figures owner to agent_journal_reader;
set local role agent_journal_reader;
grant select on {schema}.figures, {schema}.token_figures to session_user with grant option;
reset role;
revoke create on schema {schema} from agent_journal_reader;
revoke agent_journal_reader from current_user;

insert into {schema}.archive (version) values (1);
