"""Tables: columns of numbers and categories as what a network reads, and the same for a user of its export."""
