"""Finding people and opening what is sealed about them."""
