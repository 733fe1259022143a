"""Decides what is to be done, where, and why not: project, config and event to a list of stage calls."""
