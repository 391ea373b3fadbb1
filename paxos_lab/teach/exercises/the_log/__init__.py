"""The tasks of exercises 08 to 11, by the number of the exercise."""
