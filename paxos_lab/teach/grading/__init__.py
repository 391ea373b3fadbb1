"""What marks a class: is this answer an honest one? Only a grader needs it."""
