"""Series: windows and what follows each, or whole series and what each is."""
