-- The full-text index. Its words are made by journal/words.py, so that any SQLite can read it.

drop table full_text;
create virtual table full_text using fts5(
  text, content='', contentless_delete=1, tokenize="ascii"
);
insert into full_text (full_text, rank) values ('hashsize', 16777216);
insert into full_text (full_text, rank) values ('automerge', 16);
insert into full_text (full_text, rank) values ('crisismerge', 64);
