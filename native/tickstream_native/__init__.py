"""The innermost loops of tickstream in C: trades into panes, panes into windows, rows into bytes.

What each function does stands in Python in the product, which is the reference: same results, bit
by bit. `eventfold/native.py` uses this package where it is installed.
"""

#: What the product expects: it passes by a package of another one.
INTERFACE = 7
