-- Which piece of a session is at which remote.

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
