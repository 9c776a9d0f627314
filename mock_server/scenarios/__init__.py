"""The scenario language: from a YAML file to frozen values, or to everything that is wrong with it.

`yamlfile` reads the text, `shape` checks its form, `building` makes the values, `lint` checks what they mean, and
`loading` puts these together.
"""
