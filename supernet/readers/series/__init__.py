"""Series: the steps of a table, or whole series with a label each in every format that they come in."""
