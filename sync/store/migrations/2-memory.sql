-- Memory ids, and the calls of model programs.

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
