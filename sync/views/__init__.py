"""Tables derived from facts; each module is the only writer of its own tables.

Any order of arrival gives the same rows. Read `derive` first, which calls the others; `change` is
what a view is given.
"""
