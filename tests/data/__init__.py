"""Cases that people can judge: tests hold the program to them, and documents are made from them."""
