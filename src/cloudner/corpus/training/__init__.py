"""What a training config calls: the corpus reader and the batcher."""
