"""A session as text: `story` decides what is told, `markdown` and `html_page` write it."""
