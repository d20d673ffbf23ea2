"""The maths of the domain, without I/O and without Faust."""
