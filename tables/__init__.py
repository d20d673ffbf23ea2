"""Tables, one module per state, declared only: their content, their writer and their readers."""

# Whichever table is imported first: the application imports all of them, in its order.
from app import app as app
