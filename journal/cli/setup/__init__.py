"""The commands that set up and check: `install`, `import`, `doctor`, `status`."""
