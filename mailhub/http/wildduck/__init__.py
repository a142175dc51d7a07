"""The WildDuck dialect."""
