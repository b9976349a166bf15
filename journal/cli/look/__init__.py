"""Commands to look with: pages in a browser, the terminal, costs, a digest; and the way back in."""
