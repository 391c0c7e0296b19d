"""Local accounts: registering, signing in with a password, changing it; AccountsService."""
