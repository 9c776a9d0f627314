"""What is required of the answer to a generated call."""
