"""How files of a user are read: regular ones alone, no more than memory holds, one clear line for what is wrong."""
