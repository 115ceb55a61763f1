"""What a real model can hold: its state in bits, from a config alone, and what theory says of so many bits."""
