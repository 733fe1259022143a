"""Carries out a stage or a plan in a run directory."""
