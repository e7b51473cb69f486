"""Plain text with marks in it, and standoff files beside a text."""
