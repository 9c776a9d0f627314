"""The Preview generation of the Migration API: its operations, its account, its runs."""
