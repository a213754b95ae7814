"""Tables and the imperative mappings of the entities onto them."""
