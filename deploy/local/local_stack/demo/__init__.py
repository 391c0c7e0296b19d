"""The journey of a prompt in a terminal: sentence, form, streamed prompt, score, version, label, delivery."""
