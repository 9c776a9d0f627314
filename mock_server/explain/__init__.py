"""Why an exchange was answered as it was."""
