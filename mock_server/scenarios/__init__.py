"""The scenario language: from a YAML file to frozen values, or to everything that is wrong with it."""
