"""Values written as Python prints them."""

# What `ast.literal_eval` raises for a text that is no literal. Its documentation names all five: TypeError is for a
# list as a key of a dictionary, MemoryError and RecursionError for a text that is nested too deeply.
NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
