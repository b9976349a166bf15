"""Commands to look with: pages in a browser, a list in the terminal, costs, a digest; and back in."""
