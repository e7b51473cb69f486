"""Taking a training step: gradients, loss scale, norm, clipping and AdamW; and the step as CUDA graphs."""
