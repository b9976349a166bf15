-- Tombstones name the records that they delete: a clock that was ahead hides nothing that follows.
-- Those of the first schema have no names, and go by dates as before.

alter table {schema}.tombstones
  add column home text not null default '',  -- that deleted the session: it was named whole
  add column home_until_us bigint not null default -9223372036854775808;
comment on column {schema}.tombstones.home_until_us is
  'up to when records of this home are judged by their dates; until_us is for all others';

create table {schema}.deleted (      -- records that are not stored again, whatever their dates are
  owner text collate "C" not null default session_user,
  session uuid not null,
  ending bytea not null,             -- the last 6 bytes of a record's id
  primary key (owner, session, ending)
);
alter table {schema}.deleted enable row level security, force row level security;
create policy own on {schema}.deleted
  using (owner = session_user::text) with check (owner = session_user::text);
grant select on {schema}.deleted to agent_journal_user;
grant insert (session, ending) on {schema}.deleted to agent_journal_user;
grant insert (home, home_until_us), update (home, home_until_us)
  on {schema}.tombstones to agent_journal_user;

update {schema}.archive set version = 2;
