"""What a report draws: interactive figures of the page, and pictures of the same."""
