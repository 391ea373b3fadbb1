"""Cards, whiteboard, mock interview, wrong statements to refute: lesson 14. A reader may skip it."""
