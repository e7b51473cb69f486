"""How documents run through a network: with an encoder of its own, or on vectors of another component."""
