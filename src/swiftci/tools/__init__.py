"""The only code that starts programs or talks to what is outside: tools, git, hubs, the runner."""
