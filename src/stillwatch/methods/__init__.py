"""Methods as pure functions, arrays in and arrays out: no records, no files, no engine."""
