"""Dead letters, read and sent again: what `faust -A app deadletters` is made of."""
