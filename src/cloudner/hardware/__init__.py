"""What the machine is, what is wrong with it, and which settings, cloud GPU and price fit."""
