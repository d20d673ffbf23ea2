"""One file a state, declared only: what it holds, who writes it, who reads it."""
