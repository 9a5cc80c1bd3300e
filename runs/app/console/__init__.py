"""What a user of the command line sees while a verb works, and what is said when it is stopped."""
