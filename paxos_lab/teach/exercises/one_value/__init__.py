"""The tasks of exercises 01 to 07 and of the interview, by the number of the exercise."""
