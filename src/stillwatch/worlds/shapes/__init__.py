"""Campaign shapes: one file a shape."""
