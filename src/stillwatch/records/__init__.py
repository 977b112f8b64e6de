"""The nouns of Stillwatch, frozen and slotted; `tables` declares what stages meet at."""
