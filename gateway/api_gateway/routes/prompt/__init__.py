"""What prompt-service keeps: prompts, their versions and labels, and their delivery."""
