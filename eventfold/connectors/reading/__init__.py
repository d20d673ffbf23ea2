"""Reading of rows as records: which column is which field, how numbers and times are written."""
