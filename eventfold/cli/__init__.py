"""Command line: the script `faust`, the bases of commands, and those that every application has."""
