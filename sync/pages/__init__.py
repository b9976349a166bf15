"""A session as text: `story` decides what is shown, `markdown` and `html_page` write it."""
