"""Process classes linked into an immutable, stateless graph."""
