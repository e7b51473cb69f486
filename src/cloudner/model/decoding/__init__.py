"""From scores of tags to entities and their probabilities: numpy, on the host."""
