"""Generated calls of Preview: what they are drawn from, the state they are sent in, what the answer must be."""
