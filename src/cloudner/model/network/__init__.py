"""The torch module: an encoder, its input and padding masks, and the scores of tags it gives."""
