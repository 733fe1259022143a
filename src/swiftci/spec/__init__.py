"""What everything else is declared with: options, problems, errors, exit codes."""
