"""Records that every application has, and the types of their fields."""
