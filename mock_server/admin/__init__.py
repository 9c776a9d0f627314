"""The admin API under `/_mock/`: what an operator or a test may ask and change, of the caller's own session alone."""
