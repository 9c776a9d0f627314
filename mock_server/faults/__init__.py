"""What goes wrong between caller and service: which fault hits a call, and what becomes of its answer."""
