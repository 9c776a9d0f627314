"""What the beats and plays of a scenario file mean, checked: beats with their groups, and plays."""
