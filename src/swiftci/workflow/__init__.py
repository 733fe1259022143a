"""From a plan to YAML text: rendering, pins, drift."""
