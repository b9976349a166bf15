-- When things came into this home, which packs were read, and which folders belong to a project.

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

-- The memory id that a bind replaces; null: it replaces none.
alter table binds add column replaces text;
