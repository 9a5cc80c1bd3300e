"""What is done for the phases of a language model beside what is done for every network."""
