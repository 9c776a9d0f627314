"""The one way to the target: requests, answers, connections, and what is kept of them."""
