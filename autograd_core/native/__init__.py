"""The compiled part of the engine and of its programs, where it was built."""
