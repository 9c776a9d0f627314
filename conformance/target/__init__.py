"""The implementation that is judged: its file, its commands, our own mock."""
