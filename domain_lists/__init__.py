"""The curated sources: which hosts count, how far each is trusted, and why."""
