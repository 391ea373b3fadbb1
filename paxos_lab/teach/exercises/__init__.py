"""What judges an exercise: check, hints, the record, one file of tasks for each subject. A reader may skip it."""
