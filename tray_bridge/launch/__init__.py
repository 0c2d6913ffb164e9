"""The first second: what is imported when, and every change made to the process as a whole."""
