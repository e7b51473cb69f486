"""Training over several processes: what they tell each other."""
