"""One file a step: in topic -> table -> out topic."""
