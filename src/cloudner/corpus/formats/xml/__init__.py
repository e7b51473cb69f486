"""XML with annotations in or beside the text."""
