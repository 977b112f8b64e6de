"""The exchange's server: TAXII 2.1 (OASIS Standard, 10 June 2021) over a store that stamps inside the write transaction."""
