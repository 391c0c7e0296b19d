"""The search for text that freezes a service: what takes text is found, fed with repetitions, and timed."""
