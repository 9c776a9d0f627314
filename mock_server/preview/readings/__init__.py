"""The readings of open points that an answer of the Preview generation can show."""
