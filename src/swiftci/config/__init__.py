"""From text to a typed project and config, every mistake with its place; knows no stage, touches no network."""
