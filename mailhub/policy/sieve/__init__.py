"""What a Sieve program does to a message: tests, actions and their limits.

Pure: what it must ask of the world it yields as questions, what it decides it returns as values.
"""
