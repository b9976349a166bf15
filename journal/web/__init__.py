"""`journal web`: pages and a JSON API on 127.0.0.1, for one person who has the token.

It looks and changes nothing but what every reading command changes. `server` runs it, `security`
decides who is answered, `site` is what all answers share, `live` follows what happens. `pages` and
`api` ask the same questions of `sync/query` as the commands do; `charts` draws.
"""
