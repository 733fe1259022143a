"""The examples: right, short, and accepted by the tools' own parsers."""
