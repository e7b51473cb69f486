"""What makes a step cheaper on CPUs: dropout from one long mask, rows of the gradient of embeddings."""
