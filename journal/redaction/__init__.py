"""Secrets become markers before anything leaves the day files.

Read `rules` (what a secret looks like), then `redactor` (payload in, payload out); `walk` and
`values` say where a string is, `readings` and `escapes` what hides one; `literals`, `quick_filter`
and `hyperscan_filter` pass over what holds no secret, `key` makes equal secrets equal, `version`
names the rules. `private_marks` and `exclusions` are the user's own rules.
"""
