"""What a scenario file means, checked: one file a part of the language."""
