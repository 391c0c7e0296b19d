"""The one door to the vendor: every model call of the service leaves through here."""
