"""Local accounts: registering, proving a password, and what a person sees and changes of themselves."""
