"""Tables, one module per state, declared only: their content, their writer and their readers."""
