"""Records to arrays: spans and tags put on the tokens of spaCy's tokenizer."""
