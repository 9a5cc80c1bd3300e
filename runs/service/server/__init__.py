"""The server: an interface over the tables, with its guard, its feed of events and its errors."""
