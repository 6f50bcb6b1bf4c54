"""Shows models: as text, as HTML, and as drawn graphs."""
