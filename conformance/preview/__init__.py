"""What the suite knows of the Preview generation."""
