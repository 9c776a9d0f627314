"""The target file of Preview: its form, the rules that its schema cannot say, and how it is loaded."""
