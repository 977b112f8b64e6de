"""Where stages run: `base` says what a stage may ask, each other file is one real engine."""
