-- Payloads that are compressed together, see blocks.py.

create table blocks (              -- payloads of events that arrived together, see blocks.py
  key integer primary key,         -- of its first part the row of the first of these events
  events integer not null,         -- how many they are, in consecutive rows; of other parts 0
  data blob not null
) strict;
